import { type Signal, signal } from '@preact/signals'
import { useEffect, useMemo } from 'preact/hooks'

/** Something from the server. While it is loaded again, the former value stays. */
export interface Resource<T> {
  value?: T
  error?: unknown
  isLoading: boolean
}

const MOST_KEPT = 60
const kept = new Map<string, Signal<Resource<unknown>>>()

/** What was loaded under a key, or is being loaded. Views that return show it at once. */
export function resource<T>(key: string, load: () => Promise<T>): Signal<Resource<T>> {
  const known = kept.get(key) as Signal<Resource<T>> | undefined
  if (known && known.value.error === undefined) return known
  const made = known ?? signal<Resource<T>>({ isLoading: true })
  kept.delete(key)
  kept.set(key, made as Signal<Resource<unknown>>)
  for (const oldest of kept.keys()) if (kept.size > MOST_KEPT) kept.delete(oldest)
  made.value = { isLoading: true }
  load().then(
    value => {
      made.value = { value, isLoading: false }
    },
    error => {
      made.value = { error, isLoading: false }
    },
  )
  return made
}

/** Loads again what was loaded: another caller may see something else. @param prefix only resources whose keys begin with it */
export function forgetResources(prefix = ''): void {
  for (const key of [...kept.keys()]) if (key.startsWith(prefix)) kept.delete(key)
}

/** The resource of a key, for a component. */
export function useResource<T>(key: string, load: () => Promise<T>): Resource<T> & { retry: () => void } {
  const found = useMemo(() => resource(key, load), [key])
  useEffect(() => {
    const again = () => found.value.error !== undefined && resource(key, load)
    addEventListener('online', again)
    return () => removeEventListener('online', again)
  })
  return { ...found.value, retry: () => resource(key, load) }
}
