// What the views of the page ask, one request at a time.
import { round } from '../support/report.mjs'
import { newWords, summary } from './load.mjs'

const PAGE = 60
const SHOWN = 500
const NEAREST = 1000
const FACETS = [
  ...['taken_time', 'taken_space', 'year', 'country', 'city', 'camera_make', 'camera_model', 'iso', 'orientation'],
  ...['featured', 'photographer', 'keyword', 'color', 'collection', 'folder'],
]
const COUNTRY = [{ column: 'photo_location_country', operator: '=', value: 'country 7' }]

/** @returns a row per question: the time to the last byte in ms */
export async function views(server, rounds, say) {
  const words = newWords()
  const list = path => ['GET', `/api/v1${path}`]
  const ask = (path, body) => ['POST', `/api/v1${path}`, body]
  const first = JSON.parse((await server.ask(`/api/v1/photos?k=${SHOWN}`)).text)
  const ids = first.photos.map(photo => photo.photo_id)
  const counted = () => ({ words: words(), n: NEAREST })
  const questions = {
    'newest photos': () => list(`/photos?order=newest&k=${PAGE}`),
    'newest photos, after 500': () => list(`/photos?order=newest&k=${PAGE}&cursor=${first.next}`),
    'newest photos of a country': () =>
      list(`/photos?order=newest&k=${PAGE}&where=photo_location_country%3Dcountry%207`),
    'newest photos with a label': () => list(`/photos?order=newest&k=${PAGE}&label=taken_time%3Dnight`),
    'oldest photos': () => list(`/photos?order=oldest&k=${PAGE}`),
    'words, 60 hits': () => ask('/search', { words: words(), k: PAGE }),
    'facets of home': () => ask('/facets', { n: NEAREST, top: 8 }),
    'filters of all photos': () => ask('/facets', { n: NEAREST, top: 8, by: FACETS }),
    'filters of a country': () => ask('/facets', { n: NEAREST, top: 8, by: FACETS, filters: COUNTRY }),
    'filters of a search': () => ask('/facets', { ...counted(), top: 8, by: FACETS }),
    'months of all photos': () => ask('/facets', { n: NEAREST, top: 1000, by: ['month'] }),
    'months of a search': () => ask('/facets', { ...counted(), top: 1000, by: ['month'] }),
    'places of all photos': () => ask('/places', { n: NEAREST, cell: 5 }),
    'places of a search': () => ask('/places', { ...counted(), cell: 5 }),
    'words that hits share': () => ask('/shared-words', { words: words(), n: 100, top: 10 }),
    'words that a country shares': () => ask('/shared-words', { n: 100, top: 10, filters: COUNTRY }),
    'near duplicates among 60 and 500': () =>
      ask('/duplicates', { photos: ids.slice(0, PAGE), known: ids.slice(PAGE) }),
    photo: () => list(`/photos/${ids[0]}`),
    'similar photos': () => list(`/photos/${ids[Math.floor(Math.random() * ids.length)]}/similar?k=18`),
    'samples of a label set': () => list('/label-sets/taken_time?sample=12'),
    'doubtful photos of a label set': () => list('/label-sets/taken_time?sample=12&order=doubtful'),
    'number of photos': () => list('/models'),
  }
  const rows = []
  for (const [question, request] of Object.entries(questions)) {
    say(question)
    const times = []
    for (let i = 0; i <= 3 * rounds; i++) {
      const [method, path, body] = request()
      const { status, ms, text } = await server.ask(path, { method, body })
      if (status !== 200) throw new Error(`${path} was answered with ${status}: ${text}`)
      times.push(ms)
    }
    rows.push({ question, 'first, ms': round(times[0]), ...summary(times.slice(1)) })
  }
  return rows
}
