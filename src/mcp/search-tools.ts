import { z } from 'zod'
import { PhotoId } from '../http/schemas/photo.js'
import { PAGE_PARAMETERS, SearchParameters, type SearchResult } from '../http/schemas/search.js'
import { PhotoSummary, summaryLine, summaryOf } from './photo-summary.js'
import { defineTool, type ToolAnswer } from './tool.js'

/** Hits are read by a model, whose context is small. */
const MOST_HITS = 100
const HITS = {
  k: z.int().min(1).max(MOST_HITS).default(10).describe('Photos per page.'),
  cursor: SearchParameters.shape.cursor.describe('`next` of the page before, with the same other arguments.'),
}

const FoundPhotos = z.object({
  model: z.string().describe('The model that compared the photos.'),
  photos: z.array(PhotoSummary).describe('The best first.'),
  next: z.string().nullable().describe('`cursor` of the next page; null: there is none.'),
})

export const SEARCH = defineTool({
  name: 'search',
  title: 'Search photos',
  description:
    'Finds photos by what they show. `q` describes the picture in English, as a caption would: "a dog in the snow". `photo` finds photos like another one. `like`, `plus` and `minus` combine photos and words. With `relevant: true` the list ends where photos no longer show the words, so few photos or none is an answer, too. Conditions narrow the photos: `where` for columns such as `photo_location_country=Norway`, `label`, `near`, `color` and others.',
  input: SearchParameters.omit({
    facets: true,
    text_weight: true,
    vector_weight: true,
    correction_weight: true,
  }).extend(HITS),
  output: FoundPhotos,
  answer: async (api, given) =>
    found(await api.read('/search', given), given.relevant ? 'No photo shows this.' : undefined),
})

export const SIMILAR = defineTool({
  name: 'similar',
  title: 'Similar photos',
  description:
    'Finds photos that look like a photo of the collection, which is left out. Takes conditions as search does.',
  input: z.strictObject({ id: PhotoId, ...PAGE_PARAMETERS, ...HITS }),
  output: FoundPhotos,
  answer: async (api, { id, ...parameters }) => found(await api.read(`/photos/${id}/similar`, parameters)),
})

function found(
  { model, hits, next }: z.output<typeof SearchResult>,
  none = 'No photo matches. Leave out a condition.',
): ToolAnswer {
  const photos = hits.map(summaryOf)
  const lines = photos.length === 0 ? [none] : photos.map(summaryLine)
  const more = next === null ? [] : [`More: cursor ${next}`]
  return { lines: [...lines, ...more], content: { model, photos, next } }
}
