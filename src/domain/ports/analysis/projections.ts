import type { ModelId } from '../repository.js'

export const PROJECTION_NAME_PATTERN = /^[a-z][a-z0-9_]{0,62}$/

/** A projection of vectors onto a plane. */
export interface Projection {
  name: string
  /** `pca` or `umap` */
  method: string
  /** What the points depend on, and measures of quality. */
  parameters: Readonly<Record<string, number | readonly number[]>>
}

export interface StoredProjection extends Projection {
  createdAt: Date
  photos: number
}

/** Photos and their places. The index is the same in both lists. */
export interface ProjectionPoints {
  ids: string[]
  /** x and y in turns, [n, 2] */
  points: Float32Array
}

/** What each photo of a projection is coloured by. */
export interface ProjectionColors {
  /** The values, the most frequent first; labels in the order of their set. */
  values: { value: string; photos: number }[]
  /** Position of the value of each photo, by id as the points are; -1: none, or one that is not among the values. [n] */
  places: Int32Array
}

/** Stores projections. */
export interface ProjectionRepository {
  /**
   * Stores a projection in place of an earlier one of the same name, in one transaction. Photos that were removed meanwhile
   * are left out. @returns photos stored
   */
  save(modelId: ModelId, projection: Projection, points: ProjectionPoints): Promise<number>
  /** By name. */
  list(modelId: ModelId): Promise<StoredProjection[]>
  /** The points of a projection, by id. Rejects with NOT_FOUND for an unknown name. */
  points(modelId: ModelId, name: string): Promise<ProjectionPoints>
  /**
   * The values of a facet: a label set, or one of the metadata that a photo has one of. Rejects with NOT_FOUND for an unknown
   * name, USAGE for an unknown facet.
   * @param most values
   */
  colors(modelId: ModelId, name: string, facet: string, most: number): Promise<ProjectionColors>
  /** @returns whether there was one */
  remove(modelId: ModelId, name: string): Promise<boolean>
}
