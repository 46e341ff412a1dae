import { batch, computed, type Signal, signal } from '@preact/signals'
import { collapseDuplicates } from '../api/duplicates.js'
import { browse, type Found, type Page, search } from '../api/photos.js'
import { hasSubject, type SearchState, searched, searchPath } from './search-state.js'
import { shownPhotos } from './shown-photos.js'

const PER_PAGE = 60
/**
 * Hits that are sorted by date: the most that one answer holds, twice. A search puts all photos in an order, so that the
 * newest of all would have nothing to do with its words.
 */
const SORTED_PAGE = 500
const MOST_SORTED = 1000
const MOST_KEPT = 6

type Phase = 'loading' | 'more' | 'end' | 'failed'

/** The results of one state, page by page. It outlives the view, so that going back shows them at once. */
export class ResultList {
  readonly photos = signal<readonly Found[]>([])
  readonly phase = signal<Phase>('more')
  readonly error = signal<unknown>(null)
  /** The photo that stands for each near duplicate. */
  readonly duplicateOf = signal<ReadonlyMap<string, string>>(new Map())
  /** The state with which the list was last shown: it decides what is hidden. */
  readonly viewed: Signal<SearchState>
  readonly shown = computed(() =>
    shownPhotos(this.photos.value, this.duplicateOf.value, this.viewed.value, this.phase.value === 'end'),
  )
  /** Whether less relevant photos were left out before the rest was sorted by date. */
  readonly leftOut = signal(false)
  /** The shown photo that has, or last had, the focus. */
  readonly active = signal(0)
  #cursor: string | undefined
  #stop = new AbortController()

  constructor(readonly state: SearchState) {
    this.viewed = signal(state)
  }

  async loadMore(): Promise<void> {
    if (this.phase.value === 'loading' || this.phase.value === 'end') return
    this.phase.value = 'loading'
    this.#stop = new AbortController()
    try {
      const { photos, next } = await this.#nextPage(this.#stop.signal)
      const ids = this.photos.value.map(photo => photo.photo_id)
      const known = new Set(ids)
      const added = photos.filter(photo => !known.has(photo.photo_id))
      const standing = ids.filter(id => !this.duplicateOf.value.has(id))
      const duplicates = await this.#duplicatesOf(added, standing)
      batch(() => {
        this.duplicateOf.value = new Map([...this.duplicateOf.value, ...duplicates])
        this.photos.value = [...this.photos.value, ...added]
      })
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

  async #duplicatesOf(photos: readonly Found[], standing: readonly string[]): Promise<Map<string, string>> {
    if (photos.length === 0) return new Map()
    const ids = photos.map(photo => photo.photo_id)
    return collapseDuplicates(ids, standing, this.#stop.signal)
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
      this.leftOut.value = cursor !== null
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
  const key = searchPath(searched(state))
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
