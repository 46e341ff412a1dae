import type { Run } from '../../api/runs.js'

const KINDS: Partial<Record<Run['state'], string>> = {
  running: 'is-good',
  enqueuing: 'is-good',
  interrupted: 'is-bad',
  'waiting for workers': 'is-bad',
}

/** The state of a run, in words and by colour. */
export function RunState({ state }: { state: Run['state'] }) {
  return <span class={`run-state ${KINDS[state] ?? ''}`}>{state}</span>
}
