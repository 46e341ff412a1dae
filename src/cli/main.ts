#!/usr/bin/env node
import { Command, CommanderError } from 'commander'
import { VERSION } from '../version.js'
import { addAnalyzeCommand } from './analyze/analyze-command.js'
import { addCompletionCommand } from './commands/completion.js'
import { addDatabaseCommand } from './commands/db.js'
import { addDemoCommand } from './commands/demo.js'
import { addDuplicatesCommand } from './commands/duplicates.js'
import { addFacetsCommand } from './commands/facets.js'
import { addHealthCommand } from './commands/health.js'
import { addHelpCommand } from './commands/help.js'
import { addIndexCommand } from './commands/index-command.js'
import { addIngestCommand } from './commands/ingest.js'
import { addLabelsCommand } from './commands/labels.js'
import { addModelsCommand } from './commands/models.js'
import { addPhotoCommand } from './commands/photo.js'
import { addPromptsCommand } from './commands/prompts.js'
import { addRunCommand } from './commands/run.js'
import { addSearchCommand } from './commands/search.js'
import { addStatusCommand } from './commands/status.js'
import { addStoreCommand } from './commands/store.js'
import { addWorkerCommand } from './commands/worker.js'
import { report } from './context.js'
import { addEvalCommand } from './eval/eval-command.js'
import { addExportCommand } from './export/export-command.js'
import { addImportCommand } from './import/import-command.js'
import { addKeysCommand } from './keys/keys-command.js'
import { addMcpCommand } from './mcp/mcp-command.js'
import { asTyped } from './print/as-typed.js'
import { Output } from './print/output.js'
import { addServeCommand } from './serve/serve-command.js'

const program = new Command('unsplash-clip')
  .description('Turns photo URLs into searchable meaning: CLIP embeddings and zero-shot labels in Postgres.')
  .version(VERSION)
  .configureOutput({
    writeOut: text => process.stdout.write(asTyped(text)),
    writeErr: text => process.stderr.write(asTyped(text)),
  })
  .exitOverride()
  .showHelpAfterError('(add --help for options and examples)')
  .helpCommand(false)
  .addHelpText(
    'after',
    `
Examples:
  unsplash-clip demo                                   the whole pipeline once, with rendered scenes, in a minute
  unsplash-clip ingest photos.tsv000 --processes 2     photos into the database, with two workers
  unsplash-clip search "dog in the snow" --html hits.html

Settings come from the environment and from .env; docs/settings.md lists them.
Exit codes: 0 done, 1 failed, 2 wrong usage or configuration, 3 done but some photos failed, 130 stopped by Ctrl-C.`,
  )

for (const add of [
  addDemoCommand,
  addIngestCommand,
  addImportCommand,
  addWorkerCommand,
  addHealthCommand,
  addSearchCommand,
  addServeCommand,
  addMcpCommand,
  addKeysCommand,
  addFacetsCommand,
  addDuplicatesCommand,
  addLabelsCommand,
  addEvalCommand,
  addAnalyzeCommand,
  addPromptsCommand,
  addPhotoCommand,
  addExportCommand,
  addStatusCommand,
  addRunCommand,
  addModelsCommand,
  addIndexCommand,
  addDatabaseCommand,
  addStoreCommand,
  addCompletionCommand,
  addHelpCommand,
])
  add(program)

// Ignore EPIPE: the reader of a pipe, such as `head`, may close it early. The work still completes.
for (const stream of [process.stdout, process.stderr])
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error
  })

const output = () => new Output(process.argv.includes('--json'))

// Nobody waits for what fails here, for instance a listener; the state of the process is unknown afterwards.
process.on('uncaughtException', error => {
  process.exit(report(error, output()))
})

try {
  await program.parseAsync()
} catch (error) {
  process.exitCode = error instanceof CommanderError ? (error.exitCode === 0 ? 0 : 2) : report(error, output())
}
