import { answered, get, post } from './client.js'
import type { FailedPhoto, Run, Worker } from './schema.js'

const MOST_RUNS = 100
const PHOTOS_PER_PAGE = 20
const AGAIN_MS = 5000

export type { FailedPhoto, FailuresOfCode, Run, Worker } from './schema.js'
export type RunDetails = Awaited<ReturnType<typeof runDetails>>

/** Batches in the queue. */
export type QueueCounts = Awaited<ReturnType<typeof queueCounts>>

/** The newest runs, the live workers, and the queue; null: it does not answer. */
export async function runsAndWorkers(): Promise<{ runs: Run[]; workers: Worker[]; queue: QueueCounts | null }> {
  const [{ runs }, { workers }, queue] = await Promise.all([
    answered(get('/api/v1/runs', { params: { query: { limit: MOST_RUNS } } })),
    answered(get('/api/v1/workers', {})),
    queueCounts().catch(() => null),
  ])
  return { runs, workers, queue }
}

function queueCounts() {
  return answered(get('/api/v1/queue', {}))
}

/** A run with its failures by code. */
export function runDetails(id: string) {
  return answered(get('/api/v1/runs/{id}', { params: { path: { id } } }))
}

export function failedPhotos(
  id: string,
  code: string,
  cursor: string | null,
): Promise<{ failures: FailedPhoto[]; next: string | null }> {
  const query = { code, limit: PHOTOS_PER_PAGE, ...(cursor === null ? {} : { cursor }) }
  return answered(get('/api/v1/runs/{id}/failures', { params: { path: { id }, query } }))
}

const pathOf = (id: string) => ({ params: { path: { id } } })

export const pauseRun = (id: string) => answered(post('/api/v1/runs/{id}/pause', pathOf(id)))
export const resumeRun = (id: string) => answered(post('/api/v1/runs/{id}/resume', pathOf(id)))
export const cancelRun = (id: string) => answered(post('/api/v1/runs/{id}/cancel', pathOf(id)))

/** Tries the failed photos of a code again. @returns the run that they become */
export async function retryRun(id: string, code: string): Promise<string> {
  return (await answered(post('/api/v1/runs/{id}/retry', { ...pathOf(id), body: { code } }))).run
}

/** `live`: changes arrive; `lost`: the connection is made again; `over`: the run has ended. */
export type Connection = 'live' | 'lost' | 'over'

/** Follows a run by server-sent events. @returns what ends it */
export function followRun(
  id: string,
  onRun: (run: Run) => void,
  onConnection: (state: Connection) => void,
): () => void {
  let source: EventSource
  let again: ReturnType<typeof setTimeout> | undefined
  const open = () => {
    source = new EventSource(`/api/v1/runs/${encodeURIComponent(id)}/events`)
    source.addEventListener('run', ({ data }: MessageEvent<string>) => {
      onConnection('live')
      onRun(JSON.parse(data) as Run)
    })
    source.addEventListener('end', () => {
      source.close()
      onConnection('over')
    })
    source.addEventListener('error', () => {
      onConnection('lost')
      // A browser connects again after a cut, and gives up after a refusal: 20 clients may follow runs.
      if (source.readyState !== EventSource.CLOSED) return
      again = setTimeout(open, AGAIN_MS)
      // Says when the session has ended, which events do not.
      runDetails(id).catch(() => {})
    })
  }
  open()
  return () => {
    clearTimeout(again)
    source.close()
  }
}
