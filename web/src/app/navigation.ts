import { signal } from '@preact/signals'

/** Where the page is. */
export interface Place {
  path: string
  parameters: URLSearchParams
  /** Of the entry of the history, also after going back to it. */
  key: string
}

const scrollOfEntries = new Map<string, number>()

export const place = signal<Place>(read())
/** Where the page should be scrolled to when the content of the place is there. */
let wantedScroll = 0
let isReturn = false

history.scrollRestoration = 'manual'
addEventListener('popstate', () => {
  const { path, parameters, key } = place.value
  // A jump within the view, whose entry stands for the same place.
  if (location.hash !== '' && location.pathname === path && read().parameters.toString() === parameters.toString()) {
    history.replaceState({ key }, '')
    return
  }
  scrollOfEntries.set(key, scrollY)
  const next = read()
  wantedScroll = scrollOfEntries.get(next.key) ?? 0
  isReturn = true
  place.value = next
})

export function navigate(href: string, { replace = false } = {}): void {
  const { key } = place.value
  if (replace) history.replaceState({ key }, '', href)
  else {
    scrollOfEntries.set(key, scrollY)
    history.pushState({ key: crypto.randomUUID?.() ?? String(Math.random()) }, '', href)
    wantedScroll = 0
    isReturn = false
    scrollTo({ top: 0, behavior: 'instant' })
  }
  place.value = read()
}

/**
 * Scrolls to where the place was left. A view calls it once its content has its height.
 * @returns whether the page came back to this place
 */
export function restorePlace(): boolean {
  if (wantedScroll > 0) scrollTo({ top: wantedScroll, behavior: 'instant' })
  const wasReturn = isReturn
  wantedScroll = 0
  isReturn = false
  return wasReturn
}

/** Opens links to other views without loading the page again. Modified clicks stay with the browser. */
export function followLinks(event: MouseEvent): void {
  if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey)
    return
  const link = (event.target as Element).closest?.('a')
  if (!link || link.target || link.hasAttribute('download') || link.origin !== origin) return
  const isHere = link.pathname === location.pathname && link.search === location.search
  if (isHere && link.hash !== '') return
  if (link.pathname.startsWith('/api/') || link.pathname.startsWith('/assets/')) return
  event.preventDefault()
  navigate(link.pathname + link.search)
}

function read(): Place {
  const key = (history.state as { key?: string } | null)?.key ?? 'first'
  return { path: location.pathname, parameters: new URLSearchParams(location.search), key }
}
