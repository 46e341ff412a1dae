#!/usr/bin/env node
import { Command, CommanderError } from 'commander'
import { VERSION } from '../version.js'
import { addDatabaseCommand } from './commands/db.js'
import { addDemoCommand } from './commands/demo.js'
import { addDuplicatesCommand } from './commands/duplicates.js'
import { addFacetsCommand } from './commands/facets.js'
import { addHealthCommand } from './commands/health.js'
import { addIndexCommand } from './commands/index-command.js'
import { addIngestCommand } from './commands/ingest.js'
import { addLabelCommand } from './commands/label.js'
import { addLabelsCommand } from './commands/labels.js'
import { addModelsCommand } from './commands/models.js'
import { addPhotoCommand } from './commands/photo.js'
import { addPromptsCommand } from './commands/prompts.js'
import { addRunCommand } from './commands/run.js'
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
  addHealthCommand,
  addSearchCommand,
  addFacetsCommand,
  addDuplicatesCommand,
  addLabelCommand,
  addLabelsCommand,
  addPromptsCommand,
  addPhotoCommand,
  addStatusCommand,
  addRunCommand,
  addModelsCommand,
  addIndexCommand,
  addDatabaseCommand,
])
  add(program)

// Whoever reads along may stop, as `head` does; what was begun is done all the same.
for (const stream of [process.stdout, process.stderr])
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error
  })

try {
  await program.parseAsync()
} catch (error) {
  if (!(error instanceof CommanderError)) throw error
  process.exitCode = error.exitCode === 0 ? 0 : 2
}
