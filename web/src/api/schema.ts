// Generated from docs/openapi.json by tools/docs/api-types.ts. A test compares them; `vitest -u` writes this file.

/** A condition on photos. `~` looks inside texts and ignores case. */
export type Filter = {
  column: 'photo_id' | 'photo_url' | 'photo_image_url' | 'photo_submitted_at' | 'photo_featured' | 'photo_width' | 'photo_height' | 'photo_aspect_ratio' | 'photo_description' | 'photographer_username' | 'photographer_first_name' | 'photographer_last_name' | 'exif_camera_make' | 'exif_camera_model' | 'exif_iso' | 'exif_aperture_value' | 'exif_focal_length' | 'exif_exposure_time' | 'photo_location_name' | 'photo_location_latitude' | 'photo_location_longitude' | 'photo_location_country' | 'photo_location_city' | 'stats_views' | 'stats_downloads' | 'ai_description' | 'ai_primary_landmark_name' | 'ai_primary_landmark_latitude' | 'ai_primary_landmark_longitude' | 'ai_primary_landmark_confidence' | 'blur_hash' | 'photo_title' | 'photo_rating' | 'exif_lens' | 'exif_time_offset' | 'exif_orientation'
  operator: '=' | '!=' | '<' | '<=' | '>' | '>=' | '~'
  value: string | number | boolean
} | {
  column: 'photo_id' | 'photo_url' | 'photo_image_url' | 'photo_submitted_at' | 'photo_featured' | 'photo_width' | 'photo_height' | 'photo_aspect_ratio' | 'photo_description' | 'photographer_username' | 'photographer_first_name' | 'photographer_last_name' | 'exif_camera_make' | 'exif_camera_model' | 'exif_iso' | 'exif_aperture_value' | 'exif_focal_length' | 'exif_exposure_time' | 'photo_location_name' | 'photo_location_latitude' | 'photo_location_longitude' | 'photo_location_country' | 'photo_location_city' | 'stats_views' | 'stats_downloads' | 'ai_description' | 'ai_primary_landmark_name' | 'ai_primary_landmark_latitude' | 'ai_primary_landmark_longitude' | 'ai_primary_landmark_confidence' | 'blur_hash' | 'photo_title' | 'photo_rating' | 'exif_lens' | 'exif_time_offset' | 'exif_orientation'
  operator: 'in'
  value: Array<string | number | boolean>
} | {
  column: 'photo_id' | 'photo_url' | 'photo_image_url' | 'photo_submitted_at' | 'photo_featured' | 'photo_width' | 'photo_height' | 'photo_aspect_ratio' | 'photo_description' | 'photographer_username' | 'photographer_first_name' | 'photographer_last_name' | 'exif_camera_make' | 'exif_camera_model' | 'exif_iso' | 'exif_aperture_value' | 'exif_focal_length' | 'exif_exposure_time' | 'photo_location_name' | 'photo_location_latitude' | 'photo_location_longitude' | 'photo_location_country' | 'photo_location_city' | 'stats_views' | 'stats_downloads' | 'ai_description' | 'ai_primary_landmark_name' | 'ai_primary_landmark_latitude' | 'ai_primary_landmark_longitude' | 'ai_primary_landmark_confidence' | 'blur_hash' | 'photo_title' | 'photo_rating' | 'exif_lens' | 'exif_time_offset' | 'exif_orientation'
  operator: 'is null' | 'is not null'
} | {
  near: {
    latitude: number
    longitude: number
    km: number
  }
} | {
  orientation: 'landscape' | 'portrait' | 'square'
} | {
  photos: Array<string>
} | {
  not_photos: Array<string>
} | {
  keyword: string
  min_confidence?: number
} | {
  collection: string
} | {
  color: string
}

/** Several labels of one set mean any of them; all sets must match. */
export type LabelCondition = {
  set: string
  label: string
  min_score?: number
}

/** One of words, photo, picture, picture_url and vector, with a weight. */
export type Part = {
  words?: string
  /** Id of a photo. */
  photo?: string
  /** An image file in base64. */
  picture?: string
  /** The server fetches it; private addresses are refused. */
  picture_url?: string
  /** As long as the vectors of the model. */
  vector?: Array<number>
  /** Below 0: unlike it. Default: 1; 4 for words next to photos, pictures or vectors. */
  weight?: number
}

/** One of words, photo, picture, picture_url, vector and parts. */
export type SearchRequest = {
  words?: string
  /** Id of a photo. */
  photo?: string
  /** An image file in base64. */
  picture?: string
  /** The server fetches it; private addresses are refused. */
  picture_url?: string
  /** As long as the vectors of the model. */
  vector?: Array<number>
  /** A combination, in place of a single subject. */
  parts?: Array<Part>
  /** Also match the words themselves: descriptions, places, keywords. */
  hybrid?: boolean
  /** With `hybrid`: weight of the words themselves. */
  text_weight?: number
  /** With `hybrid`: weight of the meaning. */
  vector_weight?: number
  /** Of words: share of the similarity of a photo to reference texts that the order of the hits subtracts from its score. Default: that of the model, which may be 0. */
  correction_weight?: number
  /** Only photos that show what the words say, each of them where there are several: a calibrated cut-off, in place of a least similarity. Needs words. */
  relevant?: boolean
  /** Histograms of the hits of this page: label sets, `country`, `year`, …; repeatable. */
  facets?: Array<string>
  /** Hits per page. Default: 50. */
  k?: number
  /** `next` of the page before. */
  cursor?: string
  /** Minimum cosine similarity. */
  min_score?: number
  /** `NAME` or `NAME@PRECISION`. Default: the model of searches. */
  model?: string
  labels?: Array<LabelCondition>
  /** All must hold. Their lists have at most 20,000 values and 2,000,000 characters together. */
  filters?: Array<Filter>
}

export type EmbedRequest = {
  texts?: Array<string>
  pictures?: Array<string>
  /** The server fetches them; private addresses are refused. Their vectors follow those of `pictures`. */
  picture_urls?: Array<string>
  /** `NAME` or `NAME@PRECISION`. Default: the model of searches. */
  model?: string
}

/** At most 1000 photos. */
export type IngestRequest = {
  photos: Array<{
    /** Address of the image: http or https. */
    url: string
    /** Default: derived from the URL. */
    id?: string
    /** Columns of the table `photos`. A value that does not fit its column is stored as null. */
    metadata?: {
      photo_url?: string | number | boolean | null
      photo_submitted_at?: string | number | boolean | null
      photo_featured?: string | number | boolean | null
      photo_width?: string | number | boolean | null
      photo_height?: string | number | boolean | null
      photo_aspect_ratio?: string | number | boolean | null
      photo_description?: string | number | boolean | null
      photographer_username?: string | number | boolean | null
      photographer_first_name?: string | number | boolean | null
      photographer_last_name?: string | number | boolean | null
      exif_camera_make?: string | number | boolean | null
      exif_camera_model?: string | number | boolean | null
      exif_iso?: string | number | boolean | null
      exif_aperture_value?: string | number | boolean | null
      exif_focal_length?: string | number | boolean | null
      exif_exposure_time?: string | number | boolean | null
      photo_location_name?: string | number | boolean | null
      photo_location_latitude?: string | number | boolean | null
      photo_location_longitude?: string | number | boolean | null
      photo_location_country?: string | number | boolean | null
      photo_location_city?: string | number | boolean | null
      stats_views?: string | number | boolean | null
      stats_downloads?: string | number | boolean | null
      ai_description?: string | number | boolean | null
      ai_primary_landmark_name?: string | number | boolean | null
      ai_primary_landmark_latitude?: string | number | boolean | null
      ai_primary_landmark_longitude?: string | number | boolean | null
      ai_primary_landmark_confidence?: string | number | boolean | null
      blur_hash?: string | number | boolean | null
      photo_title?: string | number | boolean | null
      photo_rating?: string | number | boolean | null
      exif_lens?: string | number | boolean | null
      exif_time_offset?: string | number | boolean | null
      exif_orientation?: string | number | boolean | null
    }
  }>
  priority?: 'high' | 'normal' | 'low'
  /** Default: the setting MODEL of the server. */
  model?: string
}

export type LabelMark = {
  /** Id of a photo. */
  photo_id: string
  /** The predicted label of the photo. */
  label: string
  /** Whether the label is right; null: takes back an earlier mark. */
  correct: boolean | null
  /** Whether the photo was drawn at random: only such marks measure the precision. Default: true. */
  at_random?: boolean
}

/** At most 1000 ids. */
export type RemovalRequest = {
  photos: Array<string>
}

/** At most 1000 marks. */
export type LabelMarksRequest = {
  marks: Array<LabelMark>
}

export type Problem = {
  /** Page that explains the code; the code is its fragment. */
  type: string
  /** The code in words. */
  title: string
  /** Status of the response. */
  status: number
  /** What was expected, what was found, and what to do. */
  detail: string
  /** Stable code. */
  code: string
  /** Id of the request in the log of the server, as in `x-request-id`. */
  request_id: string
  /** The part of the request at fault, such as `query.k`. */
  field?: string
  expected?: string
  found?: string
  /** What the client can do. */
  action?: string
}

/** Columns of the Unsplash dataset and of image files. Null: unknown. */
export type PhotoMetadata = {
  /** Id of a photo. */
  photo_id: string
  photo_url: string | null
  photo_image_url: string | null
  photo_submitted_at: string | null
  photo_featured: boolean | null
  photo_width: number | null
  photo_height: number | null
  photo_aspect_ratio: number | null
  photo_description: string | null
  photographer_username: string | null
  photographer_first_name: string | null
  photographer_last_name: string | null
  exif_camera_make: string | null
  exif_camera_model: string | null
  exif_iso: number | null
  exif_aperture_value: string | null
  exif_focal_length: string | null
  exif_exposure_time: string | null
  photo_location_name: string | null
  photo_location_latitude: number | null
  photo_location_longitude: number | null
  photo_location_country: string | null
  photo_location_city: string | null
  stats_views: number | null
  stats_downloads: number | null
  ai_description: string | null
  ai_primary_landmark_name: string | null
  ai_primary_landmark_latitude: number | null
  ai_primary_landmark_longitude: number | null
  ai_primary_landmark_confidence: number | null
  blur_hash: string | null
  photo_title: string | null
  photo_rating: number | null
  exif_lens: string | null
  exif_time_offset: string | null
  exif_orientation: number | null
}

export type Hit = {
  /** Id of a photo. */
  photo_id: string
  /** Cosine similarity, from -1 to 1; of a hybrid search the sum of weight / (60 + rank). */
  score: number
  /** What the order of the hits subtracts from the cosine similarity; null: the order is not corrected. */
  correction: number | null
  /** Hybrid searches: rank by meaning; null: not in that list. */
  vector_rank?: number | null
  vector_score?: number | null
  /** Hybrid searches: rank by words; null: not in that list. */
  text_rank?: number | null
  text_score?: number | null
  /** The label of each label set, by the name of the set. */
  labels: Record<string, {
    label: string
    /** From 0 to 1. */
    score: number
  }>
  /** Key of the stored copy; null: none. */
  stored_key: string | null
  /** Path of the stored copy on this server; null: none. */
  copy: string | null
  photo: PhotoMetadata
}

export type FoundPhoto = {
  /** Id of a photo. */
  photo_id: string
  /** The label of each label set, by the name of the set. */
  labels: Record<string, {
    label: string
    /** From 0 to 1. */
    score: number
  }>
  /** Key of the stored copy; null: none. */
  stored_key: string | null
  /** Path of the stored copy on this server; null: none. */
  copy: string | null
  photo: PhotoMetadata
}

export type PhotoDetails = {
  /** Id of a photo. */
  photo_id: string
  photo: PhotoMetadata
  models: Array<{
    model: string
    /** Null: not embedded. */
    embedded_at: string | null
    /** Key of the stored copy; null: none. */
    stored_key: string | null
    /** Path of the stored copy on this server; null: none. */
    copy: string | null
    failure: {
      code: string
      message: string
      attempts: number
    } | null
    /** The label of each set with its score, and the scores of all labels of the set. */
    labels: Record<string, {
      label: string
      /** From 0 to 1. */
      score: number
      scores: Record<string, number>
    }>
  }>
}

export type Facet = {
  name: string
  values: Array<{
    value: string
    photos: number
  }>
  /** Photos with a value that is not among these. */
  other: number
  /** Photos without a known value. */
  unknown: number
}

export type SearchResult = {
  model: string
  hits: Array<Hit>
  /** Whether hits go by score less their correction, or the list by meaning of a hybrid search does. */
  corrected: boolean
  /** Cursor of the next page; null: there is none. */
  next: string | null
  facets?: Array<Facet>
}

export type Model = {
  model: string
  revision: string
  /** Length of a vector. */
  dimension: number
  /** Photos with an embedding of this model. */
  photos: number
  /** Whether searches use it that name no model. */
  searched: boolean
}

/** Photos that pairs connect, by falling similarity to the representative. */
export type DuplicateGroup = {
  /** Id of a photo. */
  representative_id: string
  members: Array<{
    /** Id of a photo. */
    photo_id: string
    score: number
  }>
}

/** The photos of a cell, with the bounds of their places. */
export type PlaceCell = {
  /** Mean latitude of the photos, in degrees. */
  latitude: number
  /** Mean longitude of the photos, in degrees. */
  longitude: number
  south: number
  west: number
  north: number
  east: number
  photos: number
}

export type SharedWord = {
  word: string
  /** Found in texts of the photos, or in what the model sees in them. */
  source: 'texts' | 'pictures'
  /** Photos with the word, or another one of its stem; of pictures those that show it. */
  photos: number
  /** Photos that were read. */
  of: number
  /** Share of the photos of the collection with it, estimated from a sample. */
  share_of_all: number
}

export type IngestAccepted = {
  /** `GET /runs/{id}` shows its progress, as `Location` says. */
  run: string
  photos: number
  enqueued: number
  already_queued: number
  already_embedded: number
  /** Failed for good in an earlier run. */
  previously_failed: number
  refused: Array<{
    /** Position in the request, from 0. */
    index: number
    code: 'WRONG_COLUMN_COUNT' | 'BAD_QUOTES' | 'BAD_JSON' | 'BROKEN_UTF8' | 'ROW_TOO_LONG' | 'NO_ID' | 'BAD_ID' | 'NO_URL' | 'NO_IMAGE' | 'NOT_A_URL' | 'DUPLICATE_ID' | 'NO_VECTOR' | 'BAD_VECTOR' | 'WRONG_DIMENSION' | 'NOT_FINITE' | 'ZERO_VECTOR' | 'NO_KEY' | 'BAD_KEY' | 'VALUE_TOO_LONG' | 'REFUSED' | 'UNREADABLE' | 'TOO_MANY_FRAMES' | 'CHANGING'
    found: string
  }>
}

/** The precision of a label, measured by what people marked. */
export type LabelPrecision = {
  /** Photos of random samples that people marked. */
  checked: number
  /** Those among them that were marked as right. */
  correct: number
  /** The share of right ones. */
  precision: number
  /** Lower end of its 95 % confidence interval (Wilson). */
  low: number
  /** Upper end of it. */
  high: number
}

export type LabelTraining = {
  /** From photos with and without a label, or from the values of a column. */
  kind: 'taught' | 'classified'
  /** Photos that it was trained with, by label. */
  examples: Record<string, number>
  /** Of predictions for examples that were held out in turn. */
  precision?: number | null
  recall?: number | null
  accuracy?: number | null
  /** The column of a classified set, with its bounds. */
  column?: string
}

/** How clusters were found: `method`, its numbers, and measures of quality. */
export type Clustering = Record<string, string | number>

export type LabelSet = {
  name: string
  /** Of the prompts; of a trained set and of clusters `{label}`, which means nothing. */
  template: string
  labels: Array<string>
  /** How a trained set was trained; null: it was not. */
  training: LabelTraining | null
  /** How the clusters were found; null: the set has none. */
  clustering: Clustering | null
}

export type LabelledPhoto = {
  /** Id of a photo. */
  photo_id: string
  label: string
  score: number
  photo: PhotoMetadata
}

/** A projection of the vectors of a model onto a plane. */
export type Projection = {
  name: string
  /** `pca` or `umap`. */
  method: string
  /** What the points depend on. `explained`: shares of the variance along the first two components. */
  parameters: Record<string, number | Array<number>>
  created_at: string
  photos: number
}

export type Removed = {
  /** Removed photos, with embeddings and labels. */
  photos: number
  /** Deleted copies, also those that earlier removals left. */
  copies: number
}

export type Run = {
  id: string
  state: 'enqueuing' | 'interrupted' | 'running' | 'waiting for workers' | 'paused' | 'cancelled' | 'done'
  model: string
  /** Input of the run. */
  source: string
  priority: 'high' | 'normal' | 'low'
  created_at: string
  /** Null: its producer is still adding photos. */
  enqueued_at: string | null
  photos: number
  done: number
  failed: number
  /** Photos neither done nor failed. */
  left: number
  /** Photos that workers hold. */
  in_flight: number
  /** Photos in the queue. */
  waiting: number
  /** Photos that wait for a paused run. */
  parked: number
  /** Photos of batches that the queue gave up. */
  given_up: number
  photos_per_second: number
  /** Time to the end; null: unknown. */
  eta_seconds: number | null
}

export type FailuresOfCode = {
  code: string
  /** What the code means. */
  help: string
  photos: number
  example: {
    /** Id of a photo. */
    photo_id: string
    url: string | null
    message: string
  }
}

export type FailedPhoto = {
  /** Id of a photo. */
  photo_id: string
  code: string
  message: string
  /** Null: of a photo that keeps the embedding of an earlier version. */
  attempts: number | null
  /** Address of the image. */
  url: string
}

export type Worker = {
  id: string
  host: string
  pid: number
  model: string
  started_at: string
  seen_at: string
  embedded: number
  failed: number
  photos_per_second: number
  in_flight: number
  /** What blocks it; null: nothing. */
  trouble: string | null
}

export type Health = {
  ok: boolean
  /** Problems by dependency. */
  problems: Record<string, string>
}

export interface paths {
  '/api/v1/search': {
    get: {
      parameters: {
        query?: {
          q?: string
          photo?: string
          like?: Array<string>
          plus?: Array<string>
          minus?: Array<string>
          hybrid?: boolean
          text_weight?: number
          vector_weight?: number
          correction_weight?: number
          relevant?: boolean
          facets?: Array<string>
          k?: number
          cursor?: string
          min_score?: number
          model?: string
          label?: Array<string>
          where?: Array<string>
          near?: string
          orientation?: 'landscape' | 'portrait' | 'square'
          photos?: Array<string>
          not_photos?: Array<string>
          keyword?: Array<string>
          collection?: Array<string>
          color?: Array<string>
        }
      }
      responses: {
        200: { content: { 'application/json': SearchResult } }
        '4XX': { content: { 'application/problem+json': Problem } }
        '5XX': { content: { 'application/problem+json': Problem } }
      }
    }
    post: {
      parameters: {}
      requestBody: { content: { 'application/json': SearchRequest } }
      responses: {
        200: { content: { 'application/json': SearchResult } }
        '4XX': { content: { 'application/problem+json': Problem } }
        '5XX': { content: { 'application/problem+json': Problem } }
      }
    }
  }
  '/api/v1/search/picture': {
    post: {
      parameters: {
        query?: {
          facets?: Array<string>
          k?: number
          cursor?: string
          min_score?: number
          model?: string
          label?: Array<string>
          where?: Array<string>
          near?: string
          orientation?: 'landscape' | 'portrait' | 'square'
          photos?: Array<string>
          not_photos?: Array<string>
          keyword?: Array<string>
          collection?: Array<string>
          color?: Array<string>
        }
      }
      requestBody: { content: { 'image/*': Blob; 'application/octet-stream': Blob } }
      responses: {
        200: { content: { 'application/json': SearchResult } }
        '4XX': { content: { 'application/problem+json': Problem } }
        '5XX': { content: { 'application/problem+json': Problem } }
      }
    }
  }
  '/api/v1/facets': {
    get: {
      parameters: {
        query?: {
          by?: Array<string>
          top?: number
          q?: string
          n?: number
          min_score?: number
          relevant?: boolean
          model?: string
          label?: Array<string>
          where?: Array<string>
          near?: string
          orientation?: 'landscape' | 'portrait' | 'square'
          photos?: Array<string>
          not_photos?: Array<string>
          keyword?: Array<string>
          collection?: Array<string>
          color?: Array<string>
        }
      }
      responses: {
        200: { content: { 'application/json': {
            model: string
            facets: Array<Facet>
          } } }
        '4XX': { content: { 'application/problem+json': Problem } }
        '5XX': { content: { 'application/problem+json': Problem } }
      }
    }
    post: {
      parameters: {}
      requestBody: { content: { 'application/json': {
            /** Label sets, `country`, `year`, …; repeatable. Default: all sets and the usual metadata. */
            by?: Array<string>
            /** Values per facet. Default: 10. */
            top?: number
            words?: string
            /** Id of a photo. */
            photo?: string
            /** An image file in base64. */
            picture?: string
            /** The server fetches it; private addresses are refused. */
            picture_url?: string
            /** As long as the vectors of the model. */
            vector?: Array<number>
            /** A combination, in place of a single subject. */
            parts?: Array<Part>
            /** With something to search for: number of nearest photos. Default: 1000. */
            n?: number
            /** Minimum cosine similarity of a nearest photo. */
            min_score?: number
            /** Only photos that show what the words say, each of them where there are several: a calibrated cut-off, in place of a least similarity. Needs words. */
            relevant?: boolean
            /** `NAME` or `NAME@PRECISION`. Default: the model of searches. */
            model?: string
            labels?: Array<LabelCondition>
            /** All must hold. Their lists have at most 20,000 values and 2,000,000 characters together. */
            filters?: Array<Filter>
          } } }
      responses: {
        200: { content: { 'application/json': {
            model: string
            facets: Array<Facet>
          } } }
        '4XX': { content: { 'application/problem+json': Problem } }
        '5XX': { content: { 'application/problem+json': Problem } }
      }
    }
  }
  '/api/v1/places': {
    get: {
      parameters: {
        query?: {
          cell?: number
          box?: string
          top?: number
          q?: string
          n?: number
          min_score?: number
          relevant?: boolean
          model?: string
          label?: Array<string>
          where?: Array<string>
          near?: string
          orientation?: 'landscape' | 'portrait' | 'square'
          photos?: Array<string>
          not_photos?: Array<string>
          keyword?: Array<string>
          collection?: Array<string>
          color?: Array<string>
        }
      }
      responses: {
        200: { content: { 'application/json': {
            model: string
            /** Photos with a place, inside the box. */
            placed: number
            cells: Array<PlaceCell>
          } } }
        '4XX': { content: { 'application/problem+json': Problem } }
        '5XX': { content: { 'application/problem+json': Problem } }
      }
    }
    post: {
      parameters: {}
      requestBody: { content: { 'application/json': {
            /** Height and width of a cell, in degrees. Default: 5. */
            cell?: number
            /** In degrees: only photos inside. */
            box?: {
              south: number
              west: number
              north: number
              east: number
            }
            /** Most cells, the fullest first. Default: 500. */
            top?: number
            words?: string
            /** Id of a photo. */
            photo?: string
            /** An image file in base64. */
            picture?: string
            /** The server fetches it; private addresses are refused. */
            picture_url?: string
            /** As long as the vectors of the model. */
            vector?: Array<number>
            /** A combination, in place of a single subject. */
            parts?: Array<Part>
            /** With something to search for: number of nearest photos. Default: 1000. */
            n?: number
            /** Minimum cosine similarity of a nearest photo. */
            min_score?: number
            /** Only photos that show what the words say, each of them where there are several: a calibrated cut-off, in place of a least similarity. Needs words. */
            relevant?: boolean
            /** `NAME` or `NAME@PRECISION`. Default: the model of searches. */
            model?: string
            labels?: Array<LabelCondition>
            /** All must hold. Their lists have at most 20,000 values and 2,000,000 characters together. */
            filters?: Array<Filter>
          } } }
      responses: {
        200: { content: { 'application/json': {
            model: string
            /** Photos with a place, inside the box. */
            placed: number
            cells: Array<PlaceCell>
          } } }
        '4XX': { content: { 'application/problem+json': Problem } }
        '5XX': { content: { 'application/problem+json': Problem } }
      }
    }
  }
  '/api/v1/shared-words': {
    get: {
      parameters: {
        query?: {
          top?: number
          q?: string
          n?: number
          min_score?: number
          relevant?: boolean
          model?: string
          label?: Array<string>
          where?: Array<string>
          near?: string
          orientation?: 'landscape' | 'portrait' | 'square'
          photos?: Array<string>
          not_photos?: Array<string>
          keyword?: Array<string>
          collection?: Array<string>
          color?: Array<string>
        }
      }
      responses: {
        200: { content: { 'application/json': {
            model: string
            words: Array<SharedWord>
          } } }
        '4XX': { content: { 'application/problem+json': Problem } }
        '5XX': { content: { 'application/problem+json': Problem } }
      }
    }
    post: {
      parameters: {}
      requestBody: { content: { 'application/json': {
            /** Most words. Default: 12. */
            top?: number
            words?: string
            /** Id of a photo. */
            photo?: string
            /** An image file in base64. */
            picture?: string
            /** The server fetches it; private addresses are refused. */
            picture_url?: string
            /** As long as the vectors of the model. */
            vector?: Array<number>
            /** A combination, in place of a single subject. */
            parts?: Array<Part>
            /** Number of photos that are read. Default: 200. */
            n?: number
            /** Minimum cosine similarity of a nearest photo. */
            min_score?: number
            /** Only photos that show what the words say, each of them where there are several: a calibrated cut-off, in place of a least similarity. Needs words. */
            relevant?: boolean
            /** `NAME` or `NAME@PRECISION`. Default: the model of searches. */
            model?: string
            labels?: Array<LabelCondition>
            /** All must hold. Their lists have at most 20,000 values and 2,000,000 characters together. */
            filters?: Array<Filter>
          } } }
      responses: {
        200: { content: { 'application/json': {
            model: string
            words: Array<SharedWord>
          } } }
        '4XX': { content: { 'application/problem+json': Problem } }
        '5XX': { content: { 'application/problem+json': Problem } }
      }
    }
  }
  '/api/v1/photos': {
    get: {
      parameters: {
        query?: {
          order?: 'newest' | 'oldest'
          k?: number
          cursor?: string
          model?: string
          label?: Array<string>
          where?: Array<string>
          near?: string
          orientation?: 'landscape' | 'portrait' | 'square'
          photos?: Array<string>
          not_photos?: Array<string>
          keyword?: Array<string>
          collection?: Array<string>
          color?: Array<string>
        }
      }
      responses: {
        200: { content: { 'application/json': {
            model: string
            photos: Array<FoundPhoto>
            next: string | null
          } } }
        '4XX': { content: { 'application/problem+json': Problem } }
        '5XX': { content: { 'application/problem+json': Problem } }
      }
    }
  }
  '/api/v1/photos/{id}': {
    get: {
      parameters: {
        path: {
          id: string
        }
      }
      responses: {
        200: { content: { 'application/json': PhotoDetails } }
        '4XX': { content: { 'application/problem+json': Problem } }
        '5XX': { content: { 'application/problem+json': Problem } }
      }
    }
    delete: {
      parameters: {
        path: {
          id: string
        }
      }
      responses: {
        200: { content: { 'application/json': Removed } }
        '4XX': { content: { 'application/problem+json': Problem } }
        '5XX': { content: { 'application/problem+json': Problem } }
      }
    }
  }
  '/api/v1/photos/{id}/vector': {
    get: {
      parameters: {
        path: {
          id: string
        }
        query?: {
          model?: string
        }
      }
      responses: {
        200: { content: { 'application/json': {
            /** Id of a photo. */
            photo_id: string
            model: string
            dimension: number
            /** Of unit length, rounded to half precision, as it is stored. */
            vector: Array<number>
          } } }
        '4XX': { content: { 'application/problem+json': Problem } }
        '5XX': { content: { 'application/problem+json': Problem } }
      }
    }
  }
  '/api/v1/photos/{id}/similar': {
    get: {
      parameters: {
        path: {
          id: string
        }
        query?: {
          k?: number
          cursor?: string
          min_score?: number
          model?: string
          label?: Array<string>
          where?: Array<string>
          near?: string
          orientation?: 'landscape' | 'portrait' | 'square'
          photos?: Array<string>
          not_photos?: Array<string>
          keyword?: Array<string>
          collection?: Array<string>
          color?: Array<string>
        }
      }
      responses: {
        200: { content: { 'application/json': SearchResult } }
        '4XX': { content: { 'application/problem+json': Problem } }
        '5XX': { content: { 'application/problem+json': Problem } }
      }
    }
  }
  '/api/v1/copies/{settings}/{file}': {
    get: {
      parameters: {
        path: {
          settings: string
          file: string
        }
        query?: {
          height?: 64 | 128 | 256 | 384
        }
      }
      responses: {
        200: { content: { 'image/jpeg': Blob } }
        206: { content: { 'image/jpeg': Blob } }
        302: { content?: never }
        '4XX': { content: { 'application/problem+json': Problem } }
        '5XX': { content: { 'application/problem+json': Problem } }
      }
    }
  }
  '/api/v1/photos/{id}/copy': {
    get: {
      parameters: {
        path: {
          id: string
        }
        query?: {
          height?: 64 | 128 | 256 | 384
          model?: string
        }
      }
      responses: {
        200: { content: { 'image/jpeg': Blob } }
        206: { content: { 'image/jpeg': Blob } }
        302: { content?: never }
        '4XX': { content: { 'application/problem+json': Problem } }
        '5XX': { content: { 'application/problem+json': Problem } }
      }
    }
  }
  '/api/v1/photos/{id}/square': {
    get: {
      parameters: {
        path: {
          id: string
        }
        query?: {
          model?: string
        }
      }
      responses: {
        200: { content: { 'image/png': Blob } }
        206: { content: { 'image/png': Blob } }
        '4XX': { content: { 'application/problem+json': Problem } }
        '5XX': { content: { 'application/problem+json': Problem } }
      }
    }
  }
  '/api/v1/photos/delete': {
    post: {
      parameters: {}
      requestBody: { content: { 'application/json': RemovalRequest } }
      responses: {
        200: { content: { 'application/json': {
            /** Removed photos, with embeddings and labels. */
            photos: number
            /** Deleted copies, also those that earlier removals left. */
            copies: number
            unknown: Array<string>
          } } }
        '4XX': { content: { 'application/problem+json': Problem } }
        '5XX': { content: { 'application/problem+json': Problem } }
      }
    }
  }
  '/api/v1/ingest': {
    post: {
      parameters: {}
      requestBody: { content: { 'application/json': IngestRequest } }
      responses: {
        202: { content: { 'application/json': IngestAccepted } }
        '4XX': { content: { 'application/problem+json': Problem } }
        '5XX': { content: { 'application/problem+json': Problem } }
      }
    }
  }
  '/api/v1/label-sets': {
    get: {
      parameters: {
        query?: {
          model?: string
        }
      }
      responses: {
        200: { content: { 'application/json': {
            model: string
            label_sets: Array<LabelSet>
          } } }
        '4XX': { content: { 'application/problem+json': Problem } }
        '5XX': { content: { 'application/problem+json': Problem } }
      }
    }
  }
  '/api/v1/label-sets/{name}': {
    get: {
      parameters: {
        path: {
          name: string
        }
        query?: {
          model?: string
          sample?: number
          seed?: number
          order?: 'random' | 'doubtful' | 'typical'
        }
      }
      responses: {
        200: { content: { 'application/json': {
            model: string
            label_set: LabelSet
            /** Labels that the model cannot tell apart. */
            equal: Array<string>
            histogram: Array<{
              label: string
              photos: number
              /** Null: nobody has checked a photo of the label. */
              precision: LabelPrecision | null
            }>
            sample: Array<{
              /** Id of a photo. */
              photo_id: string
              label: string
              score: number
              /** Path of the stored copy on this server; null: none. */
              copy: string | null
              /** Title or description of the photo. */
              description: string | null
              /** Whether the label was marked as right; null: nobody marked it. */
              mark: boolean | null
            }>
          } } }
        '4XX': { content: { 'application/problem+json': Problem } }
        '5XX': { content: { 'application/problem+json': Problem } }
      }
    }
  }
  '/api/v1/label-sets/{name}/photos': {
    get: {
      parameters: {
        path: {
          name: string
        }
        query?: {
          model?: string
        }
      }
      responses: {
        200: { content: { 'application/x-ndjson': LabelledPhoto } }
        '4XX': { content: { 'application/problem+json': Problem } }
        '5XX': { content: { 'application/problem+json': Problem } }
      }
    }
  }
  '/api/v1/label-sets/{name}/marks': {
    put: {
      parameters: {
        path: {
          name: string
        }
        query?: {
          model?: string
        }
      }
      requestBody: { content: { 'application/json': LabelMarksRequest } }
      responses: {
        200: { content: { 'application/json': {
            model: string
            ignored: Array<{
              /** Id of a photo. */
              photo_id: string
              label: string
            }>
            /** Of all labels, in the order of the set; null: no photo was checked. */
            precisions: Array<{
              label: string
              precision: LabelPrecision | null
            }>
          } } }
        '4XX': { content: { 'application/problem+json': Problem } }
        '5XX': { content: { 'application/problem+json': Problem } }
      }
    }
  }
  '/api/v1/models': {
    get: {
      parameters: {}
      responses: {
        200: { content: { 'application/json': {
            models: Array<Model>
          } } }
        '4XX': { content: { 'application/problem+json': Problem } }
        '5XX': { content: { 'application/problem+json': Problem } }
      }
    }
  }
  '/api/v1/models/searched': {
    get: {
      parameters: {
        query?: {
          model?: string
        }
      }
      responses: {
        200: { content: { 'application/json': {
            model: string
            dimension: number
            /** Whether this server knows the model, so that it can embed pictures. */
            known: boolean
            /** Whether it can embed words here. */
            texts: boolean
          } } }
        '4XX': { content: { 'application/problem+json': Problem } }
        '5XX': { content: { 'application/problem+json': Problem } }
      }
    }
  }
  '/api/v1/examples': {
    get: {
      parameters: {
        query?: {
          model?: string
        }
      }
      responses: {
        200: { content: { 'application/json': {
            model: string
            examples: Array<{
              words: string
              /** The best hits, the best first. */
              photos: Array<{
                /** Id of a photo. */
                photo_id: string
                /** Path of the stored copy on this server; null: none. */
                copy: string | null
              }>
            }>
          } } }
        '4XX': { content: { 'application/problem+json': Problem } }
        '5XX': { content: { 'application/problem+json': Problem } }
      }
    }
  }
  '/api/v1/duplicates': {
    get: {
      parameters: {
        query?: {
          threshold?: number
          method?: 'exact' | 'index'
          limit?: number
          model?: string
          label?: Array<string>
          where?: Array<string>
          near?: string
          orientation?: 'landscape' | 'portrait' | 'square'
          photos?: Array<string>
          not_photos?: Array<string>
          keyword?: Array<string>
          collection?: Array<string>
          color?: Array<string>
        }
      }
      responses: {
        200: { content: { 'application/json': {
            model: string
            pairs_found: number
            groups_found: number
            pairs: Array<{
              /** Id of a photo. */
              photo_id: string
              /** Id of a photo. */
              other_id: string
              score: number
            }>
            groups: Array<DuplicateGroup>
          } } }
        '4XX': { content: { 'application/problem+json': Problem } }
        '5XX': { content: { 'application/problem+json': Problem } }
      }
    }
    post: {
      parameters: {}
      requestBody: { content: { 'application/json': {
            /** In the order of the list. */
            photos: Array<string>
            known?: Array<string>
            /** Minimum cosine similarity. Default: 0.95. */
            threshold?: number
            /** `NAME` or `NAME@PRECISION`. Default: the model of searches. */
            model?: string
          } } }
      responses: {
        200: { content: { 'application/json': {
            model: string
            duplicates: Array<{
              /** Id of a photo. */
              photo_id: string
              /** The photo that stands for it, which is no duplicate itself. */
              of: string
              score: number
            }>
          } } }
        '4XX': { content: { 'application/problem+json': Problem } }
        '5XX': { content: { 'application/problem+json': Problem } }
      }
    }
  }
  '/api/v1/projections': {
    get: {
      parameters: {
        query?: {
          model?: string
        }
      }
      responses: {
        200: { content: { 'application/json': {
            model: string
            projections: Array<Projection>
          } } }
        '4XX': { content: { 'application/problem+json': Problem } }
        '5XX': { content: { 'application/problem+json': Problem } }
      }
    }
  }
  '/api/v1/projections/{name}': {
    get: {
      parameters: {
        path: {
          name: string
        }
        query?: {
          model?: string
        }
      }
      responses: {
        200: { content: { 'application/json': {
            model: string
            /** Rising. */
            photo_ids: Array<string>
            /** x and y of each photo, in turns: float32, little-endian, in base64. */
            points: string
          } } }
        '4XX': { content: { 'application/problem+json': Problem } }
        '5XX': { content: { 'application/problem+json': Problem } }
      }
    }
  }
  '/api/v1/projections/{name}/colors': {
    get: {
      parameters: {
        path: {
          name: string
        }
        query: {
          by: string
          top?: number
          model?: string
        }
      }
      responses: {
        200: { content: { 'application/json': {
            model: string
            by: string
            /** In the order of facets. */
            values: Array<{
              value: string
              photos: number
            }>
            /** The value of each photo, in the order of the points: its position in `values`, as bytes in base64. 255: none of them. */
            places: string
          } } }
        '4XX': { content: { 'application/problem+json': Problem } }
        '5XX': { content: { 'application/problem+json': Problem } }
      }
    }
  }
  '/api/v1/embed': {
    post: {
      parameters: {}
      requestBody: { content: { 'application/json': EmbedRequest } }
      responses: {
        200: { content: { 'application/json': {
            model: string
            dimension: number
            texts: Array<Array<number>>
            pictures: Array<Array<number>>
          } } }
        '4XX': { content: { 'application/problem+json': Problem } }
        '5XX': { content: { 'application/problem+json': Problem } }
      }
    }
  }
  '/api/v1/embed/picture': {
    post: {
      parameters: {
        query?: {
          model?: string
        }
      }
      requestBody: { content: { 'image/*': Blob; 'application/octet-stream': Blob } }
      responses: {
        200: { content: { 'application/json': {
            model: string
            dimension: number
            vector: Array<number>
          } } }
        '4XX': { content: { 'application/problem+json': Problem } }
        '5XX': { content: { 'application/problem+json': Problem } }
      }
    }
  }
  '/api/v1/caller': {
    get: {
      parameters: {}
      responses: {
        200: { content: { 'application/json': {
            /** Each includes those before it. Null: nothing without a key. */
            scope: 'read' | 'ingest' | 'admin' | null
            /** Id of the key of the request; null: it has none. */
            key: string | null
          } } }
        '4XX': { content: { 'application/problem+json': Problem } }
        '5XX': { content: { 'application/problem+json': Problem } }
      }
    }
  }
  '/api/v1/session': {
    post: {
      parameters: {}
      requestBody: { content: { 'application/json': {
            /** A key of `keys create`. */
            key: string
          } } }
      responses: {
        200: { content: { 'application/json': {
            /** What the session may do. Each includes those before it. */
            scope: 'read' | 'ingest' | 'admin'
            /** Id of the key. */
            key: string
            expires_at: string
          } } }
        '4XX': { content: { 'application/problem+json': Problem } }
        '5XX': { content: { 'application/problem+json': Problem } }
      }
    }
    delete: {
      parameters: {}
      responses: {
        200: { content: { 'application/json': {
            /** Whether there was one. */
            ended: boolean
          } } }
        '4XX': { content: { 'application/problem+json': Problem } }
        '5XX': { content: { 'application/problem+json': Problem } }
      }
    }
  }
  '/api/v1/runs': {
    get: {
      parameters: {
        query?: {
          limit?: number
        }
      }
      responses: {
        200: { content: { 'application/json': {
            runs: Array<Run>
          } } }
        '4XX': { content: { 'application/problem+json': Problem } }
        '5XX': { content: { 'application/problem+json': Problem } }
      }
    }
  }
  '/api/v1/runs/{id}': {
    get: {
      parameters: {
        path: {
          id: string
        }
      }
      responses: {
        200: { content: { 'application/json': {
            run: Run
            failures: Array<FailuresOfCode>
            given_up: Array<{
              code: string
              batches: number
              photos: number
              message: string
            }>
          } } }
        '4XX': { content: { 'application/problem+json': Problem } }
        '5XX': { content: { 'application/problem+json': Problem } }
      }
    }
  }
  '/api/v1/runs/{id}/failures': {
    get: {
      parameters: {
        path: {
          id: string
        }
        query?: {
          code?: string
          limit?: number
          cursor?: string
        }
      }
      responses: {
        200: { content: { 'application/json': {
            failures: Array<FailedPhoto>
            next: string | null
          } } }
        '4XX': { content: { 'application/problem+json': Problem } }
        '5XX': { content: { 'application/problem+json': Problem } }
      }
    }
  }
  '/api/v1/workers': {
    get: {
      parameters: {}
      responses: {
        200: { content: { 'application/json': {
            photos_per_second: number
            in_flight: number
            workers: Array<Worker>
          } } }
        '4XX': { content: { 'application/problem+json': Problem } }
        '5XX': { content: { 'application/problem+json': Problem } }
      }
    }
  }
  '/api/v1/queue': {
    get: {
      parameters: {}
      responses: {
        200: { content: { 'application/json': {
            /** All that are not done: waiting, delayed and active. */
            depth: number
            /** Ready for a worker. */
            waiting: number
            /** In work. */
            active: number
            /** Tried again later. */
            delayed: number
            /** Given up. */
            failed: number
          } } }
        '4XX': { content: { 'application/problem+json': Problem } }
        '5XX': { content: { 'application/problem+json': Problem } }
      }
    }
  }
  '/api/v1/runs/{id}/pause': {
    post: {
      parameters: {
        path: {
          id: string
        }
      }
      responses: {
        200: { content: { 'application/json': {
            /** What was requested of the run before. */
            before: 'active' | 'paused' | 'cancelled'
            run: Run
          } } }
        '4XX': { content: { 'application/problem+json': Problem } }
        '5XX': { content: { 'application/problem+json': Problem } }
      }
    }
  }
  '/api/v1/runs/{id}/resume': {
    post: {
      parameters: {
        path: {
          id: string
        }
      }
      responses: {
        200: { content: { 'application/json': {
            /** What was requested of the run before. */
            before: 'active' | 'paused' | 'cancelled'
            run: Run
          } } }
        '4XX': { content: { 'application/problem+json': Problem } }
        '5XX': { content: { 'application/problem+json': Problem } }
      }
    }
  }
  '/api/v1/runs/{id}/cancel': {
    post: {
      parameters: {
        path: {
          id: string
        }
      }
      responses: {
        200: { content: { 'application/json': {
            /** What was requested of the run before. */
            before: 'active' | 'paused' | 'cancelled'
            run: Run
          } } }
        '4XX': { content: { 'application/problem+json': Problem } }
        '5XX': { content: { 'application/problem+json': Problem } }
      }
    }
  }
  '/api/v1/runs/{id}/retry': {
    post: {
      parameters: {
        path: {
          id: string
        }
      }
      requestBody: { content: { 'application/json': {
            /** Only failures with this code, such as `TIMEOUT` or `HTTP_404`. Default: all. */
            code?: string
          } | null } }
      responses: {
        202: { content: { 'application/json': {
            run: string
          } } }
        '4XX': { content: { 'application/problem+json': Problem } }
        '5XX': { content: { 'application/problem+json': Problem } }
      }
    }
  }
  '/api/v1/runs/{id}/events': {
    get: {
      parameters: {
        path: {
          id: string
        }
      }
      responses: {
        200: { content: { 'text/event-stream': Run | {
          } } }
        '4XX': { content: { 'application/problem+json': Problem } }
        '5XX': { content: { 'application/problem+json': Problem } }
      }
    }
  }
  '/healthz': {
    get: {
      parameters: {}
      responses: {
        200: { content: { 'application/json': Health } }
        503: { content: { 'application/json': Health } }
        '4XX': { content: { 'application/problem+json': Problem } }
        '5XX': { content: { 'application/problem+json': Problem } }
      }
    }
  }
  '/readyz': {
    get: {
      parameters: {}
      responses: {
        200: { content: { 'application/json': Health } }
        503: { content: { 'application/json': Health } }
        '4XX': { content: { 'application/problem+json': Problem } }
        '5XX': { content: { 'application/problem+json': Problem } }
      }
    }
  }
  '/metrics': {
    get: {
      parameters: {}
      responses: {
        200: { content: { 'text/plain': string } }
        '4XX': { content: { 'application/problem+json': Problem } }
        '5XX': { content: { 'application/problem+json': Problem } }
      }
    }
  }
}
