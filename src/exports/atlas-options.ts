export const PROJECTION_METHODS = ['pca', 'umap'] as const

/** Of the format for embedding-atlas. */
export interface AtlasOptions {
  /** How the vectors are placed on a plane. */
  projection: (typeof PROJECTION_METHODS)[number]
  /** Nearest photos of each; 0: none. */
  neighbours: number
  /** Of UMAP. */
  seed: number
}
