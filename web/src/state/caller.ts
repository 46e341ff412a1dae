import { signal } from '@preact/signals'

const SCOPES = ['read', 'ingest', 'admin'] as const
export type Scope = (typeof SCOPES)[number]

/** What the server lets this page do. */
export interface Caller {
  /** Null: nothing without a key. */
  scope: Scope | null
  /** Id of the key that the page is signed in with; null: none. */
  key: string | null
}

/** Null: the server has not said it yet. */
export const caller = signal<Caller | null>(null)

export function may(wanted: Scope): boolean {
  const scope = caller.value?.scope ?? null
  return scope !== null && SCOPES.indexOf(scope) >= SCOPES.indexOf(wanted)
}
