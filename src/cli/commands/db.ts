import type { Command } from 'commander'
import { AppError } from '../../domain/errors.js'
import { type CommonOptions, type Context, runCommand } from '../context.js'

export function addDatabaseCommand(program: Command): void {
  const db = program
    .command('db')
    .description('The database: migrate it; start, stop and find the embedded server.')
    .helpCommand(false)
    .addHelpText(
      'after',
      `
Examples:
  unsplash-clip db status
  psql "$(unsplash-clip db url)"

Without DATABASE_URL an embedded Postgres with pgvector is used; it starts on demand and ends when idle.`,
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
    'Bring the schema up to date; safe from several processes at once.',
    ['migrate', 'migrate --json'],
    migrate,
  )
  add('status', 'Show where the database is, its version and its migrations.', ['status', 'status --json'], status)
  add('start', 'Start the embedded server, if it does not run.', ['start', 'start --json'], start)
  add('stop', 'Stop the embedded server; everything is kept.', ['stop', 'stop --json'], stop)
  add(
    'url',
    'Print the address for psql and other clients, starting the embedded server if needed.',
    ['url', 'url --json'],
    url,
  )
}

async function migrate({ app, out }: Context): Promise<number> {
  const { applied } = await app.migrate()
  out.result({ applied }, applied.length === 0 ? 'The schema is up to date.' : `Applied ${applied.join(', ')}.`)
  return 0
}

async function status({ app, out }: Context): Promise<number> {
  const server = await app.embeddedStatus()
  if (app.embedded && server === null) {
    out.result(
      { database: app.databaseLocation, embedded: null },
      `The embedded server does not run; it starts on demand. Its data: ${app.databaseDir}`,
    )
    return 0
  }
  const migrations = await app.migrationStatus()
  const missing = migrations.filter(migration => migration.appliedAt === null).map(migration => migration.name)
  out.result(
    { database: app.databaseLocation, embedded: server, migrations },
    [
      `Database    ${app.databaseLocation}`,
      ...(server ? [`Server      process ${server.pid}, since ${server.startedAt.toISOString()}`] : []),
      `Migrations  ${migrations.length - missing.length} applied, ${missing.length === 0 ? 'none missing' : `missing: ${missing.join(', ')}; apply them: unsplash-clip db migrate`}`,
    ].join('\n'),
  )
  return 0
}

async function start({ app, out }: Context): Promise<number> {
  requireEmbedded(app.embedded)
  const { pid, url } = await app.startEmbedded()
  out.result({ pid, url }, `The embedded server runs as process ${pid}: ${url}`)
  return 0
}

async function stop({ app, out }: Context): Promise<number> {
  requireEmbedded(app.embedded)
  const stopped = await app.stopEmbedded()
  out.result({ stopped }, stopped ? 'The embedded server was stopped.' : 'The embedded server was not running.')
  return 0
}

async function url({ app, out }: Context): Promise<number> {
  const address = await app.databaseUrl()
  out.result({ url: address }, address)
  return 0
}

function requireEmbedded(embedded: boolean): void {
  if (!embedded)
    throw new AppError(
      'USAGE',
      'DATABASE_URL is set: that server is started and stopped by whoever runs it. Unset it to use the embedded server.',
    )
}
