import type { Command } from 'commander'
import { AppError } from '../../domain/errors.js'
import { modelKey } from '../../domain/model.js'
import { type CommonOptions, type Context, runCommand } from '../context.js'
import { fetchModel } from '../model-files.js'
import { formatBytes, table } from '../output.js'

export function addModelsCommand(program: Command): void {
  const models = program
    .command('models')
    .description('The models: list them, fetch their files, check them.')
    .helpCommand(false)
    .addHelpText(
      'after',
      `
Examples:
  unsplash-clip models list
  unsplash-clip models pull clip-vit-b-32@fp32

Models are fetched on first use; pull does it ahead. Settings: MODEL_SOURCE, HF_ENDPOINT.`,
    )
  models
    .command('list')
    .description('Every known model: precision, size, whether its files are here.')
    .option('--json', 'print one JSON object a line')
    .addHelpText('after', '\nExamples:\n  unsplash-clip models list\n  unsplash-clip models list --json')
    .action(async (options: CommonOptions) => {
      process.exitCode = await runCommand(options, {}, list)
    })
  models
    .command('pull')
    .description('Fetch the files of a model, resuming where an earlier try ended; every file is checked.')
    .argument('[model]', 'name, optionally with @precision (default: the setting MODEL)')
    .option('--json', 'print a JSON object')
    .addHelpText(
      'after',
      '\nExamples:\n  unsplash-clip models pull\n  MODEL_SOURCE=/mnt/models unsplash-clip models pull clip-vit-b-32@fp32',
    )
    .action(async (model: string | undefined, options: CommonOptions) => {
      process.exitCode = await runCommand({ ...options, model }, {}, pull)
    })
  models
    .command('verify')
    .description('Compute the digest of every file of a model again.')
    .argument('[model]', 'name, optionally with @precision (default: the setting MODEL)')
    .option('--json', 'print one JSON object a line')
    .addHelpText('after', '\nExamples:\n  unsplash-clip models verify\n  unsplash-clip models verify demo --json')
    .action(async (model: string | undefined, options: CommonOptions) => {
      process.exitCode = await runCommand({ ...options, model }, {}, verify)
    })
}

async function list({ app, out }: Context): Promise<number> {
  const models = await app.listModels()
  const rows = models.map(model => [
    `${model.name}@${model.precision}${model.default ? ' (default)' : ''}`,
    String(model.dimension),
    formatBytes(model.bytes),
    model.present ? 'here' : 'not fetched',
    model.title,
  ])
  if (out.json) for (const model of models) out.result(model, '')
  else {
    out.text(table(['model', 'dimension', 'size', 'files', 'what it is'], rows))
    for (const model of models) if (model.note) out.text(`\n${model.name}: ${model.note}`)
  }
  return 0
}

async function pull({ app, out, signal }: Context): Promise<number> {
  const folder = await fetchModel({ app, signal })
  const key = modelKey(app.modelSpec)
  out.result({ model: key, folder }, `${key} is here: ${folder}`)
  return 0
}

async function verify({ app, out, signal }: Context): Promise<number> {
  const files = await app.verifyModel(signal)
  for (const file of files)
    out.result(
      file,
      file.ok
        ? `ok       ${file.path}  ${file.found}`
        : `WRONG    ${file.path}: expected ${file.expected}, found ${file.found}`,
    )
  const wrong = files.filter(file => !file.ok)
  if (wrong.length > 0)
    throw new AppError(
      'MODEL_DIGEST_MISMATCH',
      `${wrong.length} of ${files.length} files are not what the registry expects. Fetch them again: unsplash-clip models pull ${modelKey(app.modelSpec)}`,
    )
  return 0
}
