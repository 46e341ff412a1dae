import { type Command, Option } from 'commander'
import { AppError } from '../../domain/errors.js'
import { modelKey } from '../../domain/model.js'
import { rewriteWarnings } from '../../domain/rewrite.js'
import { formatBytes } from '../../domain/text/format.js'
import type { ListedModel } from '../../models/catalog/list-models.js'
import { type CommonOptions, type Context, runCommand } from '../context.js'
import { addAddCommands } from '../models/add-command.js'
import type { CompareModelsOptions } from '../models/compare-models.js'
import type { CompareOptions } from '../models/compare-published.js'
import type { CorrectOptions } from '../models/correct-model.js'
import { testTowers, verifyFiles } from '../models/verify-model.js'
import { realNumber, wholeNumber } from '../options/arguments.js'
import { table } from '../print/output.js'

export function addModelsCommand(program: Command): void {
  const models = program
    .command('models')
    .description('List, add, fetch and check models, and choose the model of searches.')
    .helpCommand(false)
    .addHelpText(
      'after',
      `
Examples:
  unsplash-clip models list
  unsplash-clip models add hf:Xenova/siglip-base-patch16-224
  unsplash-clip models pull clip-vit-b-32@fp32
  unsplash-clip models use clip-vit-b-32@fp32
  unsplash-clip models correct

The first use of a model fetches its files; pull fetches them in advance. Settings: MODEL_SOURCE, HF_ENDPOINT.`,
    )
  models
    .command('list')
    .description('List all known models with precision, size and presence of files, and the models of the database.')
    .option('--json', 'print one JSON object per line')
    .addHelpText('after', '\nExamples:\n  unsplash-clip models list\n  unsplash-clip models list --json')
    .action(async (options: CommonOptions) => {
      process.exitCode = await runCommand(options, {}, list)
    })
  addAddCommands(models)
  models
    .command('pull')
    .description('Fetch the files of a model, resuming an interrupted download; check the files, then the model.')
    .argument('[model]', 'name, optionally with @precision (default: the setting MODEL)')
    .option('--no-verify', 'fetch and check the files without running the model')
    .option('--json', 'print one JSON object per line')
    .addHelpText(
      'after',
      `
Examples:
  unsplash-clip models pull
  unsplash-clip models pull clip-vit-b-32@int8-smooth
  MODEL_SOURCE=/mnt/models unsplash-clip models pull clip-vit-b-32@fp32 --no-verify

Every fetched file must have its pinned digest. The files of int8-smooth are made here, of those of fp32, in up to a
minute. Then both towers run once, as in "models verify". This takes a few seconds and the memory of both towers. The
files stay even if the check of the model fails.`,
    )
    .action(async (model: string | undefined, options: CommonOptions & { verify: boolean }) => {
      process.exitCode = await runCommand({ ...options, model }, {}, async context => {
        const { pullModel } = await import('../models/pull-model.js')
        return pullModel(context, options.verify)
      })
    })
  models
    .command('verify')
    .description('Check a model: its files, then the answers of its towers to known texts and pictures.')
    .argument('[model]', 'name, optionally with @precision (default: the setting MODEL)')
    .option('--files-only', 'compute digests only, without running the model')
    .option('--json', 'print one JSON object per line')
    .addHelpText(
      'after',
      `
Examples:
  unsplash-clip models verify
  unsplash-clip models verify clip-vit-b-32@fp32 --files-only
  unsplash-clip models verify demo --json

In this order: the SHA-256 of every file; texts whose vectors are published (CLIP ViT-B/32); labels of rendered pictures.
Exit codes: 0 verified, 1 a check failed, 2 wrong usage.`,
    )
    .action(async (model: string | undefined, options: CommonOptions & { filesOnly?: boolean }) => {
      process.exitCode = await runCommand({ ...options, model }, {}, context => verify(context, !options.filesOnly))
    })
  models
    .command('use')
    .description('Choose the model of searches. The choice is stored in the database and applies to all clients.')
    .argument('[model]', 'name, optionally with @precision, of a model with embedded photos')
    .option('--newest', 'remove the choice: SQL searches the model of the newest run, the commands the setting MODEL')
    .option('--anyway', 'also a model with which searches find less than now')
    .option('--json', 'print a JSON object')
    .addHelpText(
      'after',
      `
Examples:
  unsplash-clip models use clip-vit-b-32@fp32
  unsplash-clip models use --newest

To replace a model, embed the stored copies with the new one (ingest --only-missing --from-copies --model NEW), run
"models use NEW" and finally "models retire OLD". A model that lacks photos, label sets or an index that searches use now
is refused with the commands that make them. The switch is one transaction: a concurrent search uses either model.
A command searches the model of --model, else the one chosen here, else the setting MODEL.`,
    )
    .action(async (model: string | undefined, options: CommonOptions & { newest?: boolean; anyway?: boolean }) => {
      process.exitCode = await runCommand(options, {}, async context => {
        if ((model === undefined) !== (options.newest ?? false))
          throw new AppError(
            'USAGE',
            'models use expects the name of a model, or --newest. To see the names: models list',
          )
        const { useModel } = await import('../models/model-switch.js')
        return useModel(context, model ?? null, options.anyway ?? false)
      })
    })
  models
    .command('retire')
    .description('Drop all embeddings of a model, and everything made from them.')
    .argument('<model>', 'name, optionally with @precision')
    .option('--yes', 'do not ask for confirmation')
    .option('--json', 'print a JSON object')
    .addHelpText(
      'after',
      `
Examples:
  unsplash-clip models retire clip-vit-b-32@int8
  unsplash-clip models retire demo --yes

Drops embeddings, their indexes and search settings, labels, prompts, failures and runs of the model. Photos, their copies
and the model's files stay. Refused for the model of searches, and while a run with the model is open.
Exit codes: 0 done, 1 failed, 2 refused or wrong usage.`,
    )
    .action(async (model: string, options: CommonOptions & { yes?: boolean }) => {
      process.exitCode = await runCommand(options, {}, async context => {
        const { retireModel } = await import('../models/model-switch.js')
        return retireModel(context, model, options.yes ?? false)
      })
    })
  models
    .command('correct')
    .description('Correct the order of searches by words for photos that come up in every search.')
    .argument('[model]', 'name, optionally with @precision (default: the model of searches)')
    .option(
      '--k <n>',
      'reference texts per photo, the most similar ones, that count (default: 32)',
      wholeNumber(1, 100_000),
    )
    .option(
      '--weight <n>',
      'share of their mean similarity that the order subtracts; 0: none, unless a search names one (default: 0.75)',
      realNumber(0, 2),
    )
    .option('--references <file>', 'texts, one per line (default: those in use, else common things)')
    .option('--off', 'remove the correction')
    .option('--json', 'print a JSON object')
    .addHelpText(
      'after',
      `
Examples:
  unsplash-clip models correct
  unsplash-clip models correct clip-vit-b-32@fp32 --references searches.txt --weight 0.5
  unsplash-clip models correct --off

Some photos are near to all words. This command compares every embedded photo with reference texts; searches by words
then order their hits by score less a share of the photo's own mean similarity to the k most similar texts. Scores stay
cosine similarities. Searches by photos and pictures do not change. Photos that are embedded later are compared as they are
written. The command also measures where search --relevant ends its lists, and says how well that agrees with the
descriptions of the photos. After an interruption the same command continues. Exit codes: 0 done, 1 failed, 2 wrong usage.`,
    )
    .action(async (model: string | undefined, options: CommonOptions & CorrectOptions) => {
      process.exitCode = await runCommand({ ...options, model }, {}, async context => {
        const { correctModel } = await import('../models/correct-model.js')
        return correctModel(context, options)
      })
    })
  models
    .command('compare')
    .description('Compare two models on your photos, or one model with published vectors.')
    .argument('[model]', 'name, optionally with @precision (default: the setting MODEL)')
    .argument('[other]', 'the model to compare it with; not together with --vectors')
    .option('--photos <folder>', 'the photos; with --vectors <id>.jpg or another image format')
    .addOption(new Option('--images <folder>', 'earlier name of --photos').hideHelp())
    .option(
      '--prompts <file>',
      'texts, one per line (default: everyday searches); with --text-vectors those of its rows',
    )
    .option('--limit <count>', 'compare the first photos only, and the first published texts', wholeNumber(1, 1e9))
    .option('--vectors <file>', 'published vectors of the photos, .npy, one row per photo; needs --ids')
    .option('--ids <file>', 'the ids of the photos, one line per row')
    .option('--labels <file>', 'CSV with photo_id and a column per label set to predict (taken_space, taken_time)')
    .option('--text-vectors <file>', 'published vectors of texts, .npy, one row per text; needs --prompts')
    .option('--known <file>', 'JSON: known scores and similarities of single photos and texts')
    .option('--json', 'print a JSON object')
    .addHelpText(
      'after',
      `
Examples:
  unsplash-clip models compare clip-vit-b-32@int8 clip-vit-b-32@fp32 --photos photos
  unsplash-clip models compare clip-vit-b-32@fp32 --photos photos --vectors image.npy --ids image.ids.txt
  unsplash-clip models compare --photos photos --vectors image.npy --ids image.ids.txt --labels photos.csv \\
    --text-vectors text.npy --prompts text.prompts.txt --json

Two models: embeds the photos (subfolders included) and texts with both, and prints the cosine of their vectors, how many
of the ten best photos both find, the labels that change, and the speed of both. Needs no database.

Published vectors: .npy is NumPy's format with float16, float32 or float64. The median of the cosine similarity must reach
0.999 for fp32 and fp16, 0.98 for other precisions. Labels, the ten nearest photos and the ten best of each text have their
own thresholds. Exit codes: 0 compared, 1 other vectors than the published ones, 2 wrong usage or a wrong file.`,
    )
    .action(async (model: string | undefined, other: string | undefined, options: CommonOptions & CompareArguments) => {
      process.exitCode = await runCommand({ ...options, model }, {}, context =>
        compare(context, model, other, { ...options, photos: options.photos ?? options.images }),
      )
    })
}

async function list(context: Context): Promise<number> {
  const { app, out } = context
  const known = await app.models.list()
  const { registeredModels } = await import('../models/model-switch.js')
  const registered = await registeredModels(context)
  if (out.json) {
    for (const model of known) {
      const stored = registered?.filter(({ identity }) => modelKey(identity) === modelKey(model))
      const photos = stored?.reduce((sum, { photos }) => sum + photos, 0) ?? null
      out.result({ ...model, photos, searched: stored?.some(({ searched }) => searched) ?? null }, '')
    }
    // Those that only the database knows.
    for (const { identity, photos, searched } of registered ?? [])
      if (!known.some(model => modelKey(model) === modelKey(identity)))
        out.result({ ...identity, photos, searched }, '')
    return 0
  }
  const rows = known.map(model => [
    `${modelKey(model)}${model.default ? ' (default)' : ''}`,
    String(model.dimension),
    model.folder === null ? '–' : formatBytes(model.bytes),
    whereabouts(model),
    rewriteCount(model),
    model.title,
  ])
  out.text(table(['model', 'dimension', 'size', 'files', 'rewrites', 'description'], rows))
  if (registered !== null && registered.length > 0) {
    const inDatabase = registered.map(({ identity, photos, searched }) => [
      modelKey(identity),
      identity.revision.slice(0, 12),
      photos,
      searched ? 'searched' : '',
    ])
    out.text(`\n${table(['in the database', 'revision', 'photos', ''], inDatabase)}`)
  }
  const added = new Map(known.flatMap(({ name, source }) => (source === undefined ? [] : [[name, source] as const])))
  for (const [name, source] of added) out.text(`\n${name}: added from ${source}`)
  for (const model of known)
    for (const warning of rewriteWarnings(model.rewrites ?? [])) out.text(`\n${modelKey(model)}: ${warning}`)
  for (const model of known) if (model.note) out.text(`\n${model.name}: ${model.note}`)
  return 0
}

function whereabouts({ present, folder }: ListedModel): string {
  if (present) return 'here'
  return folder === null ? 'set MODEL_FOLDERS' : 'not here'
}

/** How many of the rewrites that its graphs could use apply: `3 of 3`. `models verify` names them. */
function rewriteCount({ rewrites }: ListedModel): string {
  const wanted = (rewrites ?? []).flatMap(file => file.rewrites).filter(({ outcome }) => outcome !== 'not-needed')
  return wanted.length === 0
    ? '–'
    : `${wanted.filter(({ outcome }) => outcome === 'applied').length} of ${wanted.length}`
}

async function verify(context: Context, andTest: boolean): Promise<number> {
  await verifyFiles(context)
  if (andTest) await testTowers(context)
  return 0
}

type CompareArguments = Partial<CompareOptions & CompareModelsOptions> & { images?: string }

async function compare(
  context: Context,
  model: string | undefined,
  other: string | undefined,
  { photos, vectors, ids, ...options }: CompareArguments,
): Promise<number> {
  const { labels, textVectors, known, prompts, limit } = options
  if (photos === undefined) throw new AppError('USAGE', 'models compare expects --photos FOLDER.')
  if (model !== undefined && other !== undefined) {
    if ([vectors, ids, labels, textVectors, known].some(value => value !== undefined))
      throw new AppError(
        'USAGE',
        'models compare expects two models, or one with --vectors and --ids (and --labels, --text-vectors, --known), not both.',
      )
    const { compareModels } = await import('../models/compare-models.js')
    return compareModels(context, [model, other], { photos, prompts, limit })
  }
  if (vectors === undefined || ids === undefined)
    throw new AppError(
      'USAGE',
      'models compare expects two models to compare with each other, or --vectors and --ids to compare one with published vectors.',
    )
  if ((textVectors === undefined) !== (prompts === undefined))
    throw new AppError('USAGE', '--text-vectors and --prompts belong together: give both, or neither.')
  const { compareWithPublished } = await import('../models/compare-published.js')
  return compareWithPublished(context, { ...options, images: photos, vectors, ids })
}
