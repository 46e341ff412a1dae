import { signal } from '@preact/signals'
import { browse, type Found, type Page, search } from '../api/photos.js'
import { hasSubject, type SearchState, searchPath } from './search-state.js'

const PER_PAGE = 60
/** Hits that are sorted by date: the most that one answer holds, twice. */
const SORTED_PAGE = 500
const MOST_SORTED = 1000
const MOST_KEPT = 6

type Phase = 'loading' | 'more' | 'end' | 'failed'

/** The results of one state, page by page. It outlives the view, so that going back shows them at once. */
export class ResultList {
  readonly photos = signal<readonly Found[]>([])
  readonly phase = signal<Phase>('more')
  readonly error = signal<unknown>(null)
  /** The photo that has, or last had, the focus. */
  readonly active = signal(0)
  #cursor: string | undefined
  #stop = new AbortController()

  constructor(readonly state: SearchState) {}

  async loadMore(): Promise<void> {
    if (this.phase.value === 'loading' || this.phase.value === 'end') return
    this.phase.value = 'loading'
    this.#stop = new AbortController()
    try {
      const { photos, next } = await this.#nextPage(this.#stop.signal)
      const known = new Set(this.photos.value.map(photo => photo.photo_id))
      this.photos.value = [...this.photos.value, ...photos.filter(photo => !known.has(photo.photo_id))]
      this.#cursor = next ?? undefined
      this.phase.value = next === null ? 'end' : 'more'
    } catch (error) {
      if (this.#stop.signal.aborted) this.phase.value = 'more'
      else {
        this.error.value = error
        this.phase.value = 'failed'
      }
    }
  }

  /** Ends a request that nobody waits for any more. */
  leave(): void {
    this.#stop.abort()
  }

  #nextPage(signal: AbortSignal): Promise<Page> {
    const from = this.#cursor === undefined ? {} : { cursor: this.#cursor }
    if (!hasSubject(this.state)) return browse(this.state, { k: PER_PAGE, ...from, signal })
    if (this.state.order === 'relevance') return search(this.state, { k: PER_PAGE, ...from, signal })
    return this.#sortedByDate(signal)
  }

  async #sortedByDate(signal: AbortSignal): Promise<Page> {
    const photos: Found[] = []
    for (let cursor: string | null | undefined; cursor !== null && photos.length < MOST_SORTED; ) {
      const page: Page = await search(this.state, { k: SORTED_PAGE, ...(cursor ? { cursor } : {}), signal })
      photos.push(...page.photos)
      cursor = page.next
    }
    const sign = this.state.order === 'newest' ? -1 : 1
    return { photos: photos.sort((a, b) => byDate(a, b, sign)), next: null }
  }
}

function byDate(a: Found, b: Found, sign: number): number {
  const [left, right] = [a, b].map(({ photo }) => photo.photo_submitted_at as string | null)
  if (left === right) return 0
  if (left === null || left === undefined) return 1
  if (right === null || right === undefined) return -1
  return (left < right ? -1 : 1) * sign
}

const lists = new Map<string, ResultList>()

/** The results that were shown last: photos know what came before and after them. */
export const lastList = signal<ResultList | null>(null)

/** The results of a state, kept for a while. What only hides some of them makes no other list. */
export function resultsOf(state: SearchState): ResultList {
  const key = searchPath({ ...state, showsScores: false, cut: null })
  const list = lists.get(key) ?? new ResultList(state)
  lists.delete(key)
  lists.set(key, list)
  for (const oldest of lists.keys()) if (lists.size > MOST_KEPT) lists.delete(oldest)
  return list
}

/** What another caller may see is searched for again. */
export function forgetResults(): void {
  lists.clear()
}
