import { LEAST_EXAMPLES, type TaughtProbe } from '../../analysis/teach/teach-probe.js'
import { AppError } from '../../domain/errors.js'
import { LABEL_SET_NAME_PATTERN, type LabelTraining } from '../../domain/labels.js'
import type { VectorRepository } from '../../domain/ports/vectors/vector-repository.js'
import { formatQuantity } from '../../domain/text/format.js'
import type { SearchModel } from '../../search/search-model.js'
import type { Context } from '../context.js'
import { chooseModel } from '../open-search.js'
import { listLabelSetNames } from '../options/label-files.js'
import { applyTrainedSet } from './apply-trained-set.js'
import { type ExampleOptions, type Examples, gatherExamples, listed } from './teaching-examples.js'

export interface TeachOptions extends ExampleOptions {
  seed: number
  dryRun?: boolean
}

/** Photos drawn at random that show what the collection looks like. */
const OTHERS = 2200

/** The `labels teach` command. @param name of the label set, and its label @returns exit code */
export async function teachLabel(context: Context, name: string, options: TeachOptions): Promise<number> {
  const { app, out, signal } = context
  checkName(name, listLabelSetNames(app.labelFolders))
  const model = await chooseModel(context)
  const { trainedLabels, vectors } = await app.repositories()
  const named = [...(options.yes ?? []), ...(options.no ?? [])]
  const examples = await withVectors(
    vectors,
    model,
    await gatherExamples(trainedLabels, model.id, name, options),
    named,
  )
  if (examples.withoutVector.length > 0)
    out.note(`${formatQuantity(examples.withoutVector.length, 'example')} without a vector of ${model.key} left out.`)
  checkCounts(examples.vectors, examples.isYes, name)

  const drawn = await trainedLabels.randomPhotos(model.id, OTHERS, options.seed)
  const others = await vectorsOf(
    vectors,
    model,
    drawn.filter(id => !examples.vectors.has(id)),
  )
  const probe = await teach(examples, others, options.seed, signal)
  const training = trainingOf(name, examples.isYes, probe)
  report(context, { name, model, training, probe, isStored: !options.dryRun })
  if (options.dryRun) return 0
  const halves = (sign: number) => ({
    weights: probe.weights.map(value => (sign * value) / 2),
    bias: (sign * probe.bias) / 2,
  })
  const [has, lacks] = [halves(1), halves(-1)]
  const set = {
    name,
    labels: Object.keys(training.examples),
    weights: [has.weights, lacks.weights],
    biases: [has.bias, lacks.bias],
    training,
  }
  const isYes = (photoId: string) => examples.isYes.get(photoId)!
  await applyTrainedSet(
    context,
    model,
    set,
    [...examples.isYes.keys()].map(photoId => ({ photoId, label: isYes(photoId) ? name : labelWithout(name) })),
  )
  return 0
}

/** The label of photos without the label of a taught set. */
const labelWithout = (name: string): string => `not ${name}`

/** @throws AppError USAGE */
function checkName(name: string, files: readonly string[]): void {
  if (!LABEL_SET_NAME_PATTERN.test(name))
    throw new AppError(
      'USAGE',
      `the name of a label set has lower-case letters, digits and _, found ${JSON.stringify(name)}`,
    )
  if (files.includes(name))
    throw new AppError('USAGE', `${name} is a label set with prompts, from a file. Choose another name`)
}

interface ExampleVectors {
  isYes: Examples
  vectors: Map<string, Float32Array>
  withoutVector: string[]
}

/** @param named photos that may not lack a vector @throws AppError NOT_EMBEDDED */
async function withVectors(
  repository: VectorRepository,
  model: SearchModel,
  examples: Examples,
  named: readonly string[],
): Promise<ExampleVectors> {
  const vectors = await vectorsOf(repository, model, [...examples.keys()])
  const withoutVector = [...examples.keys()].filter(id => !vectors.has(id))
  const missing = named.filter(id => !vectors.has(id))
  if (missing.length > 0)
    throw new AppError(
      'NOT_EMBEDDED',
      `${formatQuantity(missing.length, 'photo')} without a vector of ${model.key}: ${listed(missing)}. Ingest them with this model, or leave them out`,
    )
  return { isYes: new Map([...examples].filter(([id]) => vectors.has(id))), vectors, withoutVector }
}

async function vectorsOf(
  repository: VectorRepository,
  model: SearchModel,
  ids: readonly string[],
): Promise<Map<string, Float32Array>> {
  const { unitVector } = await import('../../analysis/classify/load-samples.js')
  const found = new Map<string, Float32Array>()
  for await (const page of repository.read({ modelId: model.id, ids }))
    page.ids.forEach((id, i) => {
      found.set(id, unitVector(page, i))
    })
  return found
}

function checkCounts(vectors: ReadonlyMap<string, unknown>, isYes: Examples, name: string): void {
  const yes = [...isYes.values()].filter(Boolean).length
  const no = vectors.size - yes
  if (yes < LEAST_EXAMPLES || no < LEAST_EXAMPLES)
    throw new AppError(
      'USAGE',
      `teaching ${name} expects at least ${LEAST_EXAMPLES} photos with the label and ${LEAST_EXAMPLES} without it, found ${yes} and ${no}. Name more: --yes ID or --with FILE, --no ID or --without FILE; ten of each are a good start`,
    )
}

async function teach(
  { isYes, vectors }: ExampleVectors,
  others: ReadonlyMap<string, Float32Array>,
  seed: number,
  signal: AbortSignal,
): Promise<TaughtProbe> {
  const [{ teachProbe }, { stackRows }, { Products }] = await Promise.all([
    import('../../analysis/teach/teach-probe.js'),
    import('../../analysis/teach/stack-rows.js'),
    import('../../analysis/matrix/products.js'),
  ])
  const of = (wanted: boolean) =>
    stackRows([...vectors].filter(([id]) => isYes.get(id) === wanted).map(([, each]) => each))
  const dimension = of(true).columns
  const products = await Products.open()
  try {
    const all = { yes: of(true), no: of(false), others: stackRows([...others.values()], dimension) }
    return await teachProbe(all, { products, seed, signal })
  } finally {
    await products.close()
  }
}

function trainingOf(name: string, isYes: Examples, { heldOut }: TaughtProbe): LabelTraining {
  const yes = [...isYes.values()].filter(Boolean).length
  const { rightYes, wrongYes, missedYes } = heldOut
  return {
    kind: 'taught',
    examples: { [name]: yes, [labelWithout(name)]: isYes.size - yes },
    precision: rightYes + wrongYes === 0 ? null : rightYes / (rightYes + wrongYes),
    recall: rightYes / (rightYes + missedYes),
  }
}

interface Report {
  name: string
  model: SearchModel
  training: LabelTraining
  probe: TaughtProbe
  isStored: boolean
}

function report({ out }: Context, { name, model, training, probe, isStored }: Report): void {
  const { rightYes, missedYes, rightNo, wrongYes } = probe.heldOut
  const { precision, recall } = training
  const share = (value: number | null | undefined) =>
    value === null || value === undefined ? 'unknown' : value.toFixed(2)
  out.result(
    {
      set: name,
      model: model.key,
      stored: isStored,
      yes: rightYes + missedYes,
      no: rightNo + wrongYes,
      precision,
      recall,
      share_of_others: probe.shareOfOthers,
    },
    [
      `${isStored ? 'Taught' : 'Would teach'} ${name} to ${model.key}, with ${rightYes + missedYes} photos that have the label and ${rightNo + wrongYes} that do not.`,
      `Of examples held out in turn: precision ${share(precision)} (${rightYes} of ${rightYes + wrongYes} right), recall ${share(recall)} (${rightYes} of ${rightYes + missedYes} found).`,
      `Of photos drawn at random, ${(100 * probe.shareOfOthers).toFixed(1)} % get the label.`,
    ].join('\n'),
  )
}
