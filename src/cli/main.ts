#!/usr/bin/env node
import { Command, CommanderError } from 'commander'
import { VERSION } from '../version.js'
import { addDatabaseCommand } from './commands/db.js'
import { addDemoCommand } from './commands/demo.js'
import { addIngestCommand } from './commands/ingest.js'
import { addLabelCommand } from './commands/label.js'
import { addLabelsCommand } from './commands/labels.js'
import { addModelsCommand } from './commands/models.js'
import { addPhotoCommand } from './commands/photo.js'
import { addSearchCommand } from './commands/search.js'
import { addStatusCommand } from './commands/status.js'
import { addWorkerCommand } from './commands/worker.js'

const program = new Command('unsplash-clip')
  .description('Turns photo URLs into searchable meaning: CLIP embeddings and zero-shot labels in Postgres.')
  .version(VERSION)
  .exitOverride()
  .showHelpAfterError('(add --help for options and examples)')
  .helpCommand(false)
  .addHelpText(
    'after',
    `
Examples:
  unsplash-clip demo                                   everything once, with rendered scenes, in a minute
  unsplash-clip ingest photos.tsv000 --workers 2       photos into the database, with two workers
  unsplash-clip search "dog in the snow" --html hits.html

Settings come from the environment and from .env; the README has the table.
Exit codes: 0 done, 1 failed, 2 wrong usage or configuration, 3 done but some photos failed, 130 stopped by Ctrl-C.`,
  )

for (const add of [
  addDemoCommand,
  addIngestCommand,
  addWorkerCommand,
  addSearchCommand,
  addLabelCommand,
  addLabelsCommand,
  addPhotoCommand,
  addStatusCommand,
  addModelsCommand,
  addDatabaseCommand,
])
  add(program)

try {
  await program.parseAsync()
} catch (error) {
  if (!(error instanceof CommanderError)) throw error
  process.exitCode = error.exitCode === 0 ? 0 : 2
}
