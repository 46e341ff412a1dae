import { AppError } from '../../domain/errors.js'
import type { ModelId } from '../../domain/ports/repository.js'
import type { Filter, LabelFilter } from '../../domain/ports/search.js'
import type { VectorPage, VectorRepository } from '../../domain/ports/vectors/vector-repository.js'
import { matrix } from '../matrix/matrix.js'
import { drawDistinct, randomFrom } from '../random.js'
import type { Samples } from './samples.js'
import type { Target } from './target.js'

/** Photos per statement: some MB. */
const PAGE_SIZE = 4000
/** Far more than a confusion matrix can show. */
const MOST_CLASSES = 100

export interface SampleSelection {
  /** Their vectors are put side by side. */
  modelIds: readonly ModelId[]
  filters: { labels: readonly LabelFilter[]; where: readonly Filter[] }
  target: Target
  /** Most photos; more are drawn at random. */
  most: number
  /** Photos that a class needs, or it is left out. */
  least: number
  seed: number
}

/** Photos with classes. */
export interface PhotoSamples extends Samples {
  ids: string[]
  /** In the order of `classes`. */
  classNames: string[]
  leftOut: {
    /** Photos without a value. */
    withoutValue: number
    /** Photos that were not drawn. */
    notDrawn: number
    /** Photos without a vector of each model. */
    withoutVector: number
    /** Photos of classes that are too small, by class. */
    rare: Record<string, number>
  }
}

interface Drawn {
  id: string
  name: string
  vector: Float32Array
}

/**
 * Reads vectors, each scaled to unit length, and the classes of their photos. Memory: 4 bytes per number of the drawn
 * photos.
 * @throws AppError USAGE for fewer than two classes, or for more than a hundred; FILTER_INVALID
 */
export async function loadSamples(
  repository: VectorRepository,
  { modelIds, filters, target, most, least, seed }: SampleSelection,
  signal?: AbortSignal,
): Promise<PhotoSamples> {
  const [first, ...others] = modelIds
  const known: Filter[] = target.column === null ? [] : [{ column: target.column, operator: 'is not null' }]
  const selection = { modelId: first!, filters: { ...filters, where: [...filters.where, ...known] } }
  const all = await repository.count({ modelId: first!, filters })
  const valued = known.length === 0 ? all : await repository.count(selection)
  const places = drawDistinct(Math.min(most, valued), valued, randomFrom(seed))

  const drawn: Drawn[] = []
  let withoutValue = all - valued
  let place = 0
  let next = 0
  const columns = target.column === null ? [] : [target.column]
  const pages = repository.read(selection, { pageSize: PAGE_SIZE, columns, withLabels: target.column === null, signal })
  for await (const page of pages)
    for (let i = 0; i < page.ids.length; i++, place++) {
      if (place !== places[next]) continue
      next++
      const name = target.classOf(page.photos[i] ?? {}, page.labels[i] ?? {})
      if (name === null) withoutValue++
      else drawn.push({ id: page.ids[i]!, name, vector: unitVector(page, i) })
    }
  const complete = await withOtherModels(repository, drawn, others, signal)
  const { kept, rare } = withoutRare(complete, least)
  checkClasses(new Set(kept.map(({ name }) => name)).size, target, least)
  return {
    ...asSamples(kept, target, modelIds.length),
    leftOut: {
      withoutValue,
      notDrawn: valued - places.length,
      withoutVector: drawn.length - complete.length,
      rare,
    },
  }
}

/** Appends the vectors of other models. Photos that lack one are left out. */
async function withOtherModels(
  repository: VectorRepository,
  drawn: readonly Drawn[],
  others: readonly ModelId[],
  signal?: AbortSignal,
): Promise<Drawn[]> {
  let found = [...drawn]
  for (const modelId of others) {
    const vectors = new Map<string, Float32Array>()
    const ids = found.map(({ id }) => id)
    for await (const page of repository.read({ modelId, ids }, { pageSize: PAGE_SIZE, signal }))
      page.ids.forEach((id, i) => {
        vectors.set(id, unitVector(page, i))
      })
    found = found.flatMap(each => {
      const other = vectors.get(each.id)
      return other === undefined ? [] : [{ ...each, vector: Float32Array.from([...each.vector, ...other]) }]
    })
  }
  return found
}

function withoutRare(drawn: readonly Drawn[], least: number): { kept: Drawn[]; rare: Record<string, number> } {
  const counts = new Map<string, number>()
  for (const { name } of drawn) counts.set(name, (counts.get(name) ?? 0) + 1)
  const rare = [...counts].filter(([, count]) => count < least)
  return {
    kept: drawn.filter(({ name }) => counts.get(name)! >= least),
    rare: Object.fromEntries(rare.sort(([, a], [, b]) => b - a)),
  }
}

function checkClasses(count: number, { name }: Target, least: number): void {
  if (count >= 2 && count <= MOST_CLASSES) return
  throw new AppError(
    'USAGE',
    `analyze classify expects 2 to ${MOST_CLASSES} classes with at least ${least} photos each, found ${count} for ${name}. ` +
      (count < 2
        ? 'Loosen the conditions, choose other bounds or a smaller --min-photos, or ingest more photos'
        : 'Raise --min-photos, or give bounds if the column holds numbers'),
  )
}

function asSamples(drawn: readonly Drawn[], target: Target, models: number): Omit<PhotoSamples, 'leftOut'> {
  const classNames = target.inOrder([...new Set(drawn.map(({ name }) => name))])
  const dimension = drawn[0]!.vector.length
  const vectors = matrix(drawn.length, dimension)
  // Of unit length again.
  const scale = 1 / Math.sqrt(models)
  drawn.forEach(({ vector }, i) => {
    for (let j = 0; j < dimension; j++) vectors.values[i * dimension + j] = vector[j]! * scale
  })
  return {
    ids: drawn.map(({ id }) => id),
    classNames,
    classCount: classNames.length,
    classes: Int32Array.from(drawn, ({ name }) => classNames.indexOf(name)),
    vectors,
  }
}

/** A copy of a vector, scaled to unit length: halves are off by up to a thousandth. */
export function unitVector(
  { vectors, dimension }: Pick<VectorPage, 'vectors' | 'dimension'>,
  index: number,
): Float32Array {
  const vector = vectors.slice(index * dimension, (index + 1) * dimension)
  let squares = 0
  for (const value of vector) squares += value * value
  const scale = 1 / Math.sqrt(squares)
  for (let j = 0; j < dimension; j++) vector[j]! *= scale
  return vector
}
