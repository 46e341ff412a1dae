import type { Command } from 'commander'
import { AppError } from '../../domain/errors.js'
import { modelKey } from '../../domain/model.js'
import type { ListedModel } from '../../models/list-models.js'
import { wholeNumber } from '../arguments.js'
import type { CompareOptions } from '../compare-model.js'
import { type CommonOptions, type Context, runCommand } from '../context.js'
import { fetchModel } from '../model-files.js'
import { formatBytes, table } from '../output.js'
import { testTowers, verifyFiles } from '../verify-model.js'

export function addModelsCommand(program: Command): void {
  const models = program
    .command('models')
    .description('The models: list them, fetch their files, check them, choose the one to search with.')
    .helpCommand(false)
    .addHelpText(
      'after',
      `
Examples:
  unsplash-clip models list
  unsplash-clip models pull clip-vit-b-32@fp32
  unsplash-clip models use clip-vit-b-32@fp32

Models are fetched on first use; pull does it ahead. Settings: MODEL_SOURCE, HF_ENDPOINT.`,
    )
  models
    .command('list')
    .description(
      'Every known model: precision, size, whether its files are here; and those that the database has embeddings of.',
    )
    .option('--json', 'print one JSON object a line')
    .addHelpText('after', '\nExamples:\n  unsplash-clip models list\n  unsplash-clip models list --json')
    .action(async (options: CommonOptions) => {
      process.exitCode = await runCommand(options, {}, list)
    })
  models
    .command('pull')
    .description('Fetch the files of a model, resuming where an earlier try ended; check every file, then the model.')
    .argument('[model]', 'name, optionally with @precision (default: the setting MODEL)')
    .option('--no-verify', 'fetch and check the files, do not run the model')
    .option('--json', 'print one JSON object a line')
    .addHelpText(
      'after',
      `
Examples:
  unsplash-clip models pull
  MODEL_SOURCE=/mnt/models unsplash-clip models pull clip-vit-b-32@fp32 --no-verify

Every fetched file must have its pinned digest. Then both towers run once, as in "models verify"; that takes a few
seconds and the memory of both. Files stay where they are if the model turns out to be another one.`,
    )
    .action(async (model: string | undefined, options: CommonOptions & { verify: boolean }) => {
      process.exitCode = await runCommand({ ...options, model }, {}, context => pull(context, options.verify))
    })
  models
    .command('verify')
    .description('Check a model: its files, then what its towers say of texts and pictures with known answers.')
    .argument('[model]', 'name, optionally with @precision (default: the setting MODEL)')
    .option('--files-only', 'compute digests only, do not run the model')
    .option('--json', 'print one JSON object a line')
    .addHelpText(
      'after',
      `
Examples:
  unsplash-clip models verify
  unsplash-clip models verify clip-vit-b-32@fp32 --files-only
  unsplash-clip models verify demo --json

In this order: the SHA-256 of every file; texts whose vectors are published (CLIP ViT-B/32); labels of rendered pictures.
Exit codes: 0 verified, 1 not what it says, 2 wrong usage.`,
    )
    .action(async (model: string | undefined, options: CommonOptions & { filesOnly?: boolean }) => {
      process.exitCode = await runCommand({ ...options, model }, {}, context => verify(context, !options.filesOnly))
    })
  models
    .command('use')
    .description('Choose the model that searches use: one setting of the database, for all who search it.')
    .argument('[model]', 'name, optionally with @precision, of a model that photos are embedded with')
    .option('--newest', 'choose none: SQL searches the model of the newest run again, the commands the setting MODEL')
    .option('--json', 'print a JSON object')
    .addHelpText(
      'after',
      `
Examples:
  unsplash-clip models use clip-vit-b-32@fp32
  unsplash-clip models use --newest

For two models side by side: ingest with the new one (ingest --only-missing --model NEW), then "models use NEW"; when nobody
misses the old one, "models retire OLD". The switch is one transaction: who searches meanwhile uses the one or the other.
Which model a command searches: --model, else the one chosen here, else the setting MODEL.`,
    )
    .action(async (model: string | undefined, options: CommonOptions & { newest?: boolean }) => {
      process.exitCode = await runCommand(options, {}, async context => {
        if ((model === undefined) !== (options.newest ?? false))
          throw new AppError('USAGE', 'models use expects the name of a model, or --newest; "models list" shows them.')
        const { useModel } = await import('../model-switch.js')
        return useModel(context, model ?? null)
      })
    })
  models
    .command('retire')
    .description('Drop all embeddings of a model, and what was made from them.')
    .argument('<model>', 'name, optionally with @precision')
    .option('--yes', 'do not ask')
    .option('--json', 'print a JSON object')
    .addHelpText(
      'after',
      `
Examples:
  unsplash-clip models retire clip-vit-b-32@int8
  unsplash-clip models retire demo --yes

Embeddings, their indexes and search settings, labels, prompts, failures and runs of the model go; photos, their copies and
the model's files stay. Refused while it is the model that is searched, or a run with it is not over.
Exit codes: 0 done, 1 failed, 2 refused or wrong usage.`,
    )
    .action(async (model: string, options: CommonOptions & { yes?: boolean }) => {
      process.exitCode = await runCommand(options, {}, async context => {
        const { retireModel } = await import('../model-switch.js')
        return retireModel(context, model, options.yes ?? false)
      })
    })
  models
    .command('compare')
    .description('Embed photos of which the vectors are published, and hold the result against those.')
    .argument('[model]', 'name, optionally with @precision (default: the setting MODEL)')
    .requiredOption('--images <folder>', 'the photos, <id>.jpg or another image format')
    .requiredOption('--vectors <file>', 'their published vectors, .npy, one row a photo')
    .requiredOption('--ids <file>', 'their ids, one line a row')
    .option('--labels <file>', 'CSV with photo_id and a column a label set (taken_space, taken_time) to be predicted')
    .option('--text-vectors <file>', 'published vectors of texts, .npy, one row a text; needs --prompts')
    .option('--prompts <file>', 'these texts, one line a row')
    .option('--known <file>', 'JSON: scores and similarities that are known of single photos and texts')
    .option('--limit <count>', 'the first so many photos and texts', wholeNumber(1, 1e9))
    .option('--json', 'print a JSON object')
    .addHelpText(
      'after',
      `
Examples:
  unsplash-clip models compare clip-vit-b-32@fp32 --images photos --vectors image.npy --ids image.ids.txt
  unsplash-clip models compare --images photos --vectors image.npy --ids image.ids.txt --labels photos.csv \\
    --text-vectors text.npy --prompts text.prompts.txt --json

.npy: NumPy's format with float16, float32 or float64. The median of the cosine similarity must reach 0.999 for fp32 and
fp16, 0.98 for other precisions; labels, the ten nearest photos and the ten best of each text have bars of their own.
Exit codes: 0 the published vectors, 1 others, 2 wrong usage or a file that does not fit.`,
    )
    .action(async (model: string | undefined, options: CommonOptions & CompareOptions) => {
      process.exitCode = await runCommand({ ...options, model }, {}, context => compare(context, options))
    })
}

async function list(context: Context): Promise<number> {
  const { app, out } = context
  const known = await app.listModels()
  const { registeredModels } = await import('../model-switch.js')
  const registered = await registeredModels(context)
  if (out.json) {
    for (const model of known) {
      const stored = registered?.filter(({ identity }) => modelKey(identity) === modelKey(model))
      const photos = stored?.reduce((sum, { photos }) => sum + photos, 0) ?? null
      out.result({ ...model, photos, searched: stored?.some(({ searched }) => searched) ?? null }, '')
    }
    return 0
  }
  const rows = known.map(model => [
    `${modelKey(model)}${model.default ? ' (default)' : ''}`,
    String(model.dimension),
    model.folder === null ? '–' : formatBytes(model.bytes),
    whereabouts(model),
    model.title,
  ])
  out.text(table(['model', 'dimension', 'size', 'files', 'what it is'], rows))
  if (registered !== null && registered.length > 0) {
    const inDatabase = registered.map(({ identity, photos, searched }) => [
      modelKey(identity),
      identity.revision.slice(0, 12),
      photos,
      searched ? 'searched' : '',
    ])
    out.text(`\n${table(['in the database', 'revision', 'photos', ''], inDatabase)}`)
  }
  for (const model of known) if (model.note) out.text(`\n${model.name}: ${model.note}`)
  return 0
}

function whereabouts({ present, folder }: ListedModel): string {
  if (present) return 'here'
  return folder === null ? 'name a folder: MODEL_FOLDERS' : 'not here'
}

async function pull(context: Context, andTest: boolean): Promise<number> {
  const { app, out } = context
  const folder = await fetchModel(context)
  const key = modelKey(app.modelSpec)
  out.result({ model: key, folder }, `${key} is here: ${folder}`)
  if (andTest) await testTowers(context)
  return 0
}

async function verify(context: Context, andTest: boolean): Promise<number> {
  await verifyFiles(context)
  if (andTest) await testTowers(context)
  return 0
}

async function compare(context: Context, options: CompareOptions): Promise<number> {
  if ((options.textVectors === undefined) !== (options.prompts === undefined))
    throw new AppError('USAGE', '--text-vectors and --prompts belong together: give both, or neither.')
  const { compareModel } = await import('../compare-model.js')
  await compareModel(context, options)
  return 0
}
