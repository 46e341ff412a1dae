import type { ProjectionPoints } from '../domain/ports/analysis/projections.js'

export const PROJECTION_METHODS = ['pca', 'umap'] as const
export type ComputedProjection = (typeof PROJECTION_METHODS)[number]

/** Of the format for embedding-atlas. */
export interface AtlasOptions {
  /** How the vectors are placed on a plane: the method, or the name of a stored projection. */
  projection: string
  /** Of a stored projection: when it was made, since another one of that name has other places. */
  storedAt?: string
  /** Nearest photos of each; 0: none. */
  neighbours: number
  /** Of UMAP. */
  seed: number
}

/** Where the photos are to be placed: as a stored projection has them, or by a method. */
export type AtlasPlaces = { stored: ProjectionPoints } | { method: ComputedProjection }
