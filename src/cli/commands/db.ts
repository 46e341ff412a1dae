import type { Command } from 'commander'
import type { FunctionState, MigrationState } from '../../compose/database.js'
import { AppError } from '../../domain/errors.js'
import { MEBIBYTE } from '../../domain/units.js'
import { type CommonOptions, type Context, runCommand } from '../context.js'

export function addDatabaseCommand(program: Command): void {
  const db = program
    .command('db')
    .description('Migrate, back up, restore and move the database; start, stop and find the embedded server.')
    .helpCommand(false)
    .addHelpText(
      'after',
      `
Examples:
  unsplash-clip db status
  unsplash-clip db backup photos.backup
  psql "$(unsplash-clip db url)"

Without DATABASE_URL, the database is an embedded Postgres with pgvector. It starts on demand and stops when idle.`,
    )
  const add = (
    name: string,
    description: string,
    examples: [string, string],
    action: (context: Context) => Promise<number>,
  ) =>
    db
      .command(name)
      .description(description)
      .option('--json', 'print a JSON object')
      .addHelpText('after', `\nExamples:\n  unsplash-clip db ${examples[0]}\n  unsplash-clip db ${examples[1]}`)
      .action(async (options: CommonOptions) => {
        process.exitCode = await runCommand(options, {}, action)
      })
  add(
    'migrate',
    'Bring the schema up to date and repair its functions. Safe in concurrent processes.',
    ['migrate', 'migrate --json'],
    migrate,
  )
  add(
    'status',
    'Show where the database is, its migrations, and whether its functions are the expected ones.',
    ['status', 'status --json'],
    status,
  )
  add('start', 'Start the embedded server unless it runs already.', ['start', 'start --json'], start)
  add('stop', 'Stop the embedded server. All data stays.', ['stop', 'stop --json'], stop)
  add(
    'url',
    'Print the address for psql and other clients, starting the embedded server if needed.',
    ['url', 'url --json'],
    url,
  )
  addCopies(db)
  add(
    'snapshots',
    'List the snapshots of the embedded database. The server takes them when it stops, and hourly.',
    ['snapshots', 'snapshots --json'],
    snapshots,
  )
  db.command('restore-snapshot [name]')
    .description(
      'Return the embedded database to a snapshot, by default the newest that differs from the data. Keeps the present data beside it.',
    )
    .option('--json', 'print a JSON object')
    .addHelpText(
      'after',
      '\nExamples:\n  unsplash-clip db restore-snapshot\n  unsplash-clip db restore-snapshot 2026-11-28T21-50-00.000Z',
    )
    .action(async (name: string | undefined, options: CommonOptions) => {
      process.exitCode = await runCommand(options, {}, context => restoreSnapshot(context, name))
    })
}

function addCopies(db: Command): void {
  db.command('backup <file>')
    .description('Write all tables to one file, as of one moment, and read it back. Searches and workers continue.')
    .option('--force', 'replace an existing file')
    .option('--json', 'print a JSON object')
    .addHelpText(
      'after',
      `
Examples:
  unsplash-clip db backup photos.backup
  unsplash-clip db backup "/mnt/backups/photos $(date +%F).backup" --json

The file restores into the embedded server and into Postgres, whichever it comes from. It holds photos, embeddings,
labels, prompts, runs and failures; vector indexes are built again after a restore. It does not hold the compressed
copies (OBJECT_STORE): copy their folder, or use "store move". Clients of the embedded server wait while it is read.`,
    )
    .action(async (file: string, options: CommonOptions & { force?: boolean }) => {
      process.exitCode = await runCommand(options, {}, async context => (await copies()).backUp(context, file, options))
    })
  db.command('restore <file>')
    .description('Fill a new or empty database from a backup. All of it or nothing.')
    .option('--json', 'print a JSON object')
    .addHelpText(
      'after',
      `
Examples:
  unsplash-clip db restore photos.backup
  DATABASE_URL=postgres://me@localhost/photos unsplash-clip db restore photos.backup

The file is checked first, then written in one transaction, read back and compared. A backup of an earlier version is
migrated. A database that has photos is refused. Vector indexes are built afterwards; searches work without them.`,
    )
    .action(async (file: string, options: CommonOptions) => {
      process.exitCode = await runCommand(options, {}, async context => (await copies()).restore(context, file))
    })
  db.command('move')
    .description('Copy the database into another one, which is new or empty, and compare both. The source stays.')
    .requiredOption('--to <url>', 'postgres:// address of the other database')
    .option('--json', 'print a JSON object')
    .addHelpText(
      'after',
      `
Examples:
  unsplash-clip db move --to postgres://me@localhost/photos
  unsplash-clip db move --to "postgres://me@db.example/photos?sslmode=verify-full"

From the embedded server to Postgres, or from one Postgres to another. The same command continues an interrupted move.
Stop workers first: what they write meanwhile is not moved. Clients of the embedded server wait until the move is done.`,
    )
    .action(async (options: CommonOptions & { to: string }) => {
      process.exitCode = await runCommand(options, {}, async context => (await copies()).move(context, options.to))
    })
}

/** Loaded late: other commands need neither archives nor plans of indexes. */
const copies = () => import('../db/copies.js')

async function migrate({ app, out }: Context): Promise<number> {
  const { applied, functions } = await app.migrate()
  const done = [...applied, ...(functions.length > 0 ? [count(functions.length)] : [])]
  out.result({ applied, functions }, done.length === 0 ? 'The schema is up to date.' : `Applied ${done.join(', ')}.`)
  return 0
}

async function status({ app, out }: Context): Promise<number> {
  const server = await app.database.embeddedStatus()
  if (app.database.embedded && server === null) {
    out.result(
      { database: app.database.location, embedded: null },
      `The embedded server does not run; it starts on demand. Its data: ${app.database.folder}`,
    )
    return 0
  }
  const migrations = await app.database.migrationStatus()
  const functions = await app.database.functionStatus()
  const named = (wanted: FunctionState['state']) => functions.filter(one => one.state === wanted).map(one => one.name)
  const [pending, missing, changed] = [named('pending'), named('missing'), named('changed')]
  out.result(
    { database: app.database.location, embedded: server, migrations, functions: { pending, missing, changed } },
    [
      `Database    ${app.database.location}`,
      ...(server ? [`Server      process ${server.pid}, since ${server.startedAt.toISOString()}`] : []),
      `Migrations  ${describeMigrations(migrations)}`,
      `Functions   ${describeFunctions(functions.length, { pending, missing, changed })}`,
    ].join('\n'),
  )
  const isBehind = pending.length > 0 || migrations.some(({ appliedAt }) => appliedAt === null)
  return isBehind || missing.length + changed.length > 0 ? 1 : 0
}

const APPLY = 'apply them: unsplash-clip db migrate'

function describeMigrations(migrations: readonly MigrationState[]): string {
  const missing = migrations.filter(migration => migration.appliedAt === null).map(migration => migration.name)
  const rest = missing.length === 0 ? 'none missing' : `missing: ${missing.join(', ')}; ${APPLY}`
  return `${migrations.length - missing.length} applied, ${rest}`
}

/** What was never applied is many names on a new database, so it is counted. What is not as it was applied is named. */
function describeFunctions(
  total: number,
  { pending, missing, changed }: { pending: string[]; missing: string[]; changed: string[] },
): string {
  const wrong = [
    ...(missing.length > 0 ? [`missing in the database: ${missing.join(', ')}`] : []),
    ...(changed.length > 0 ? [`different in the database: ${changed.join(', ')}`] : []),
    ...(pending.length > 0 ? [`still to be applied: ${pending.length}`] : []),
  ]
  if (wrong.length === 0) return `${count(total)}, all as expected`
  return `${count(total)}; ${wrong.join('; ')}; ${APPLY}`
}

const count = (functions: number): string =>
  functions === 1 ? '1 function or view' : `${functions} functions and views`

async function start({ app, out }: Context): Promise<number> {
  requireEmbedded(app.database.embedded)
  const { pid, url } = await app.database.startEmbedded()
  out.result({ pid, url }, `The embedded server runs as process ${pid}: ${url}`)
  return 0
}

async function stop({ app, out }: Context): Promise<number> {
  requireEmbedded(app.database.embedded)
  const stopped = await app.database.stopEmbedded()
  out.result({ stopped }, stopped ? 'The embedded server was stopped.' : 'The embedded server was not running.')
  return 0
}

async function url({ app, out }: Context): Promise<number> {
  const address = await app.database.url()
  out.result({ url: address }, address)
  return 0
}

async function snapshots({ app, out }: Context): Promise<number> {
  requireEmbedded(app.database.embedded)
  const found = await app.database.snapshots()
  out.result(
    { snapshots: found },
    found.length === 0
      ? 'There are no snapshots yet. The embedded server takes one when it stops.'
      : found.map(({ name, bytes }) => `${name}  ${Math.ceil(bytes / MEBIBYTE)} MiB`).join('\n'),
  )
  return 0
}

async function restoreSnapshot({ app, out }: Context, name: string | undefined): Promise<number> {
  requireEmbedded(app.database.embedded)
  const { snapshot, former } = await app.database.restoreSnapshot(name)
  out.result(
    { snapshot, former },
    `The embedded database is that of ${snapshot.takenAt.toISOString()} again. ${former === null ? '' : `The former data are in ${former}; remove them when you no longer need them. `}Enqueue what is missing since then: unsplash-clip ingest … --only-missing`,
  )
  return 0
}

function requireEmbedded(embedded: boolean): void {
  if (!embedded)
    throw new AppError(
      'USAGE',
      'DATABASE_URL names another server, which this command cannot start or stop. Unset it to use the embedded server.',
    )
}
