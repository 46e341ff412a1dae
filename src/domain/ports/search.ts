import type { Photo, PhotoColumn } from '../photo.js'
import type { Failure, ModelId } from './repository.js'

export type FilterOperator = '=' | '!=' | '<' | '<=' | '>' | '>=' | '~'

/** Condition on a metadata column. `~`: contains, ignoring case. The value is cast to the column's type. */
export interface ColumnFilter {
  column: PhotoColumn
  operator: FilterOperator
  value: string
}

/** The column's value is one of a list; each is cast to the column's type. */
export interface ListFilter {
  column: PhotoColumn
  operator: 'in'
  value: readonly string[]
}

export interface NullFilter {
  column: PhotoColumn
  operator: 'is null' | 'is not null'
}

/** Taken within so many kilometres of a point; degrees, north and east positive. */
export interface NearFilter {
  near: { latitude: number; longitude: number; km: number }
}

export type Orientation = 'landscape' | 'portrait' | 'square'

export interface OrientationFilter {
  orientation: Orientation
}

/** Only these photos. */
export interface PhotosFilter {
  photos: readonly string[]
}

/** All but these photos. */
export interface NotPhotosFilter {
  not_photos: readonly string[]
}

/** A keyword of the dataset, optionally with a least confidence (0 to 100) of one of its services. */
export interface KeywordFilter {
  keyword: string
  min_confidence?: number
}

/** A collection of the dataset, by its id or its title. */
export interface CollectionFilter {
  collection: string
}

/** A colour name of the dataset. */
export interface ColorFilter {
  color: string
}

/** A condition on a photo, in the JSON that the SQL functions take. */
export type Filter =
  | ColumnFilter
  | ListFilter
  | NullFilter
  | NearFilter
  | OrientationFilter
  | PhotosFilter
  | NotPhotosFilter
  | KeywordFilter
  | CollectionFilter
  | ColorFilter

export interface LabelFilter {
  set: string
  label: string
  /** Least score, in [0, 1]. */
  minScore?: number
}

/** What a query vector was made of. CLIP's texts lie elsewhere than its images, so an index is tuned for each. */
export type QueryKind = 'text' | 'image'

export interface SearchOptions {
  k: number
  offset?: number
  labels?: readonly LabelFilter[]
  /** All must hold. */
  where?: readonly Filter[]
  /** Least cosine similarity of a hit. */
  minScore?: number
  /** Only what comes after this hit: its score exactly as it was given. */
  after?: { score: number; photoId: string }
  /** Of the query vector; `text` unless told. */
  kind?: QueryKind
}

export interface Hit {
  photoId: string
  /** Cosine similarity to the query, in [-1, 1]. */
  score: number
  photo: Photo
  /** Label and score by label set. */
  labels: Record<string, { label: string; score: number }>
  storedKey: string | null
}

export interface PhotoDetails {
  photo: Photo
  /** One a model that has embedded it, or failed to. */
  states: {
    modelId: ModelId
    modelKey: string
    embeddedAt: Date | null
    storedKey: string | null
    failure: Failure | null
    labels: Record<string, { label: string; score: number; scores: Record<string, number> }>
  }[]
}

/**
 * Semantic search. Hits come by falling score, then by id; scores are exact, and the same question always gets the same
 * answer while the photos, their index and its settings stay as they are.
 */
export interface SearchRepository {
  /** @param query [dimension], any length but zero */
  search(modelId: ModelId, query: Float32Array, options: SearchOptions): Promise<Hit[]>
  /** Nearest to a photo that is embedded, itself left out. Rejects with AppError NOT_EMBEDDED. */
  similar(modelId: ModelId, photoId: string, options: Omit<SearchOptions, 'kind'>): Promise<Hit[]>
  photo(photoId: string): Promise<PhotoDetails | null>
}
