import { AppError } from '../../domain/errors.js'
import type { ProjectionRepository } from '../../domain/ports/analysis/projections.js'
import type { ModelId } from '../../domain/ports/repository.js'
import {
  type AtlasOptions,
  type AtlasPlaces,
  type ComputedProjection,
  PROJECTION_METHODS,
} from '../../exports/atlas-options.js'
import type { ExportOptions } from './export-options.js'

/** As many as embedding-atlas computes. */
const DEFAULT_NEIGHBOURS = 15

/** @throws AppError USAGE for options of the format for embedding-atlas with another one */
export function checkAtlasOptions({ format, projection, neighbours }: ExportOptions): void {
  if (format !== 'atlas' && (projection ?? neighbours) !== undefined)
    throw new AppError('USAGE', `--projection and --neighbours need --format atlas, found --format ${format}.`)
}

/**
 * Where photos are to be placed: the stored projection that was named, else the newest one, else by a method.
 * @throws AppError NOT_FOUND for a name that is neither
 */
export async function atlasPlaces(
  projections: Pick<ProjectionRepository, 'list' | 'points'>,
  modelId: ModelId,
  {
    projection: named,
    neighbours = DEFAULT_NEIGHBOURS,
    seed,
  }: Pick<ExportOptions, 'projection' | 'neighbours' | 'seed'>,
): Promise<{ options: AtlasOptions; places: AtlasPlaces }> {
  const known = (await projections.list(modelId)).sort((a, b) => b.createdAt.getTime() - a.createdAt.getTime())
  const stored = named === undefined ? known[0] : known.find(({ name }) => name === named)
  if (stored !== undefined)
    return {
      options: { projection: stored.name, storedAt: stored.createdAt.toISOString(), neighbours, seed },
      places: { stored: await projections.points(modelId, stored.name) },
    }
  const method = named ?? 'pca'
  if (!isMethod(method))
    throw new AppError(
      'NOT_FOUND',
      `--projection expects ${[...PROJECTION_METHODS, ...known.map(({ name }) => name)].join(', ')}; found ${JSON.stringify(named)}. Make one: unsplash-clip analyze project --save NAME`,
    )
  return { options: { projection: method, neighbours, seed }, places: { method } }
}

const isMethod = (name: string): name is ComputedProjection => PROJECTION_METHODS.some(method => method === name)
