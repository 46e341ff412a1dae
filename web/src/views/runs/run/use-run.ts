import { useEffect, useRef, useState } from 'preact/hooks'
import { type Connection, followRun, type Run, type RunDetails, runDetails } from '../../../api/runs.js'

export interface FollowedRun {
  run: Run | null
  failures: RunDetails['failures']
  givenUp: RunDetails['given_up']
  connection: Connection
  error: unknown
  retry: () => void
  /** What an answer says of the run, before the next event does. */
  update: (run: Run) => void
}

/** A run as it happens. Its failures are loaded again when their number changes. */
export function useRun(id: string): FollowedRun {
  const [run, setRun] = useState<Run | null>(null)
  const [details, setDetails] = useState<RunDetails | null>(null)
  const [connection, setConnection] = useState<Connection>('live')
  const [error, setError] = useState<unknown>(undefined)
  const [attempt, setAttempt] = useState(0)
  const isShown = useRef(true)
  /** Of the requests, the number of the last one and of the one that was answered last. */
  const asked = useRef({ last: 0, answered: 0 })
  const isKnown = details !== null
  const isOver = run?.state === 'done' || run?.state === 'cancelled'
  useEffect(
    () => () => {
      isShown.current = false
    },
    [],
  )
  useEffect(() => {
    if (details !== null && details.run.failed === run?.failed && details.run.given_up === run.given_up) return
    const number = ++asked.current.last
    runDetails(id).then(
      found => {
        if (!isShown.current || number < asked.current.answered) return
        asked.current.answered = number
        setDetails(found)
        setRun(former => former ?? found.run)
        setError(undefined)
      },
      failure => isShown.current && setError(failure),
    )
  }, [id, attempt, run?.failed, run?.given_up])
  // Events follow a run that exists and goes on.
  useEffect(() => (isKnown && !isOver ? followRun(id, setRun, setConnection) : undefined), [id, isKnown, isOver])
  return {
    run,
    failures: details?.failures ?? [],
    givenUp: details?.given_up ?? [],
    connection: isOver ? 'over' : connection,
    error,
    retry: () => setAttempt(attempt + 1),
    update: setRun,
  }
}
