import type { Workshop } from '../../analysis/classify/classifier.js'
import { type Evaluation, evaluateMethods } from '../../analysis/classify/evaluate.js'
import { loadSamples, type PhotoSamples } from '../../analysis/classify/load-samples.js'
import { trainLogistic } from '../../analysis/classify/logistic-regression.js'
import { parseTarget } from '../../analysis/classify/target.js'
import { Products } from '../../analysis/matrix/products.js'
import { AppError } from '../../domain/errors.js'
import { LABEL_SET_NAME_PATTERN } from '../../domain/labels.js'
import type { PhotoSearch } from '../../search/photo-search.js'
import type { SearchModel } from '../../search/search-model.js'
import type { Context } from '../context.js'
import { applyTrainedSet } from '../labels/apply-trained-set.js'
import { openSearchWithModel } from '../open-search.js'
import { filtersOf } from '../options/filter-options.js'
import { listLabelSetNames } from '../options/label-files.js'
import { checkOutputFiles, writeOutputFile } from '../print/output-file.js'
import { Progress } from '../print/progress.js'
import type { Classification, ClassifyOptions } from './classification.js'
import { renderClassification } from './classify-page.js'
import { classificationObjects, classificationText } from './classify-text.js'

/** The `analyze classify` command. @param column column, column with bounds, or label set @returns exit code */
export async function classify(context: Context, column: string, options: ClassifyOptions): Promise<number> {
  const { app, out, signal } = context
  await checkOutputFiles({ '--html': options.html })
  checkSave(options, listLabelSetNames(app.labelFolders))
  const filters = await filtersOf(options)
  const { search, model } = await openSearchWithModel(context)
  const models = await distinctModels(search, model, options.model ?? [])
  const target = parseTarget(column, await search.labelSets(model))
  if (target.name === options.save)
    throw new AppError('USAGE', `--save ${options.save} would replace the classes themselves. Choose another name`)

  const { vectors } = await app.repositories()
  const { sample: most, minPhotos: least, seed } = options
  const modelIds = models.map(({ id }) => id)
  const samples = await loadSamples(vectors, { modelIds, filters, target, most, least, seed }, signal)
  const products = await Products.open()
  try {
    const workshop: Workshop = { products, seed, signal }
    const evaluation = await evaluated(samples, options, workshop)
    const found: Classification = { target, models, samples, evaluation, options }
    if (out.json) for (const object of classificationObjects(found)) out.result(object, '')
    else out.text(classificationText(found))
    if (options.html) {
      await writeOutputFile(options.html, await renderClassification(found, search, await app.store()))
      out.note(`Wrote ${options.html}`)
    }
    if (options.save !== undefined) await save(context, found, options.save, workshop)
  } finally {
    await products.close()
  }
  return 0
}

/** @throws AppError USAGE */
function checkSave({ save, model = [] }: ClassifyOptions, files: readonly string[]): void {
  if (save === undefined) return
  if (!LABEL_SET_NAME_PATTERN.test(save))
    throw new AppError(
      'USAGE',
      `--save expects the name of a label set, with lower-case letters, digits and _; found ${JSON.stringify(save)}`,
    )
  if (files.includes(save))
    throw new AppError('USAGE', `--save ${save}: this is a label set with prompts, from a file. Choose another name`)
  if (model.length > 1)
    throw new AppError('USAGE', '--save expects one model, because a label set belongs to one; found several')
}

/** @throws AppError USAGE for a model that is named twice */
async function distinctModels(
  search: PhotoSearch,
  first: SearchModel,
  names: readonly string[],
): Promise<readonly SearchModel[]> {
  const models = [first]
  for (const name of names.slice(1)) {
    const model = await search.model(name)
    if (models.some(({ id }) => id === model.id))
      throw new AppError('USAGE', `--model ${name} names a model that was named before`)
    models.push(model)
  }
  return models
}

async function evaluated(samples: PhotoSamples, options: ClassifyOptions, workshop: Workshop): Promise<Evaluation> {
  const progress = new Progress('classify')
  const { test: testShare, folds, seed } = options
  try {
    return await evaluateMethods(samples, { testShare, folds, seed }, workshop, (done, total) =>
      progress.update({ total, done, failed: 0 }, 'trainings'),
    )
  } finally {
    progress.end()
  }
}

/** Trains with all samples and keeps the result. */
async function save(context: Context, found: Classification, name: string, workshop: Workshop): Promise<void> {
  const { samples, target, models, evaluation } = found
  const probe = await trainLogistic(samples, workshop)
  const counts = samples.classNames.map((label, k) => [label, samples.classes.filter(each => each === k).length])
  const report = evaluation.reports.find(({ method }) => method === 'logistic regression')!
  await applyTrainedSet(context, models[0]!, {
    name,
    labels: samples.classNames,
    ...probe.ofClasses(),
    training: {
      kind: 'classified',
      column: target.name,
      examples: Object.fromEntries(counts),
      accuracy: report.folds?.accuracy.mean ?? report.test.accuracy,
    },
  })
}
