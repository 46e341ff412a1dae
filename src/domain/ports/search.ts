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

/** Taken within `km` kilometres of a point; degrees, north and east positive. */
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

/** All photos except these. */
export interface NotPhotosFilter {
  not_photos: readonly string[]
}

/** A keyword of the dataset, optionally with a minimum confidence (0 to 100) of one of its services; the third
 * one gives no number, and what it found counts. */
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

/**
 * Photos that show what words say: their similarity to the words is further above their similarity to other texts than
 * the model's cut-off for the collection. The words are a stored prompt, or their embedding, [dimension].
 */
export interface ShowsFilter {
  shows: string | Float32Array
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
  | ShowsFilter

export interface LabelFilter {
  set: string
  label: string
  /** Minimum score, in [0, 1]. */
  minScore?: number
}

/** The source of a query vector. CLIP's texts lie apart from its images, so each kind has its own index settings. */
export type QueryKind = 'text' | 'image'

export interface SearchOptions {
  k: number
  offset?: number
  labels?: readonly LabelFilter[]
  /** Hits match all conditions. */
  where?: readonly Filter[]
  /** Minimum cosine similarity of a hit. */
  minScore?: number
  /** Only hits after this one, in the same order. The score needs all of its digits. */
  after?: { score: number; photoId: string }
  /** Of the query vector. Default: `query_kind` tells by its place among the photos. */
  kind?: QueryKind
  /**
   * Of kind `text` only, in [0, 2]: hits go by their score less this share of the photo's similarity to reference texts;
   * see ReferenceRepository. Default: the weight of the model, which may be 0.
   */
  correctionWeight?: number
}

export interface Hit {
  photoId: string
  /** Cosine similarity to the query, in [-1, 1]. */
  score: number
  /** What the order of the hits subtracts from the cosine similarity. Null: their order is not corrected. */
  correction: number | null
  photo: Photo
  /** Label and score by label set. */
  labels: Record<string, { label: string; score: number }>
  storedKey: string | null
}

export interface BrowseOptions extends Pick<SearchOptions, 'k' | 'labels' | 'where'> {
  /** By the date of the photo; photos without one come last. */
  order: 'newest' | 'oldest'
  /** Only photos after this one. */
  after?: { place: number; photoId: string }
}

/** A photo of a list that answers no query. */
export interface BrowsedPhoto extends Omit<Hit, 'score' | 'correction'> {
  /** Its place in the list: it rises from photo to photo. */
  place: number
}

export interface PhotoDetails {
  photo: Photo
  /** One per model that has embedded the photo, or failed to. */
  states: {
    modelId: ModelId
    modelKey: string
    embeddedAt: Date | null
    storedKey: string | null
    failure: Failure | null
    labels: Record<string, { label: string; score: number; scores: Record<string, number> }>
  }[]
}
