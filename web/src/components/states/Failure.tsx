import type { ComponentChildren } from 'preact'
import { ApiError, NetworkError } from '../../api/errors.js'
import { SignIn } from '../access/SignIn.js'
import { Icon } from '../parts/Icon.js'

interface Props {
  error: unknown
  retry: () => void
  /** Ways on where the request itself is wrong, so that to repeat it does not help. */
  children?: ComponentChildren
}

/** Statuses of requests that never succeed as they are. */
const WRONG = [400, 404, 422]
/** Of requests that may succeed later: a photo is not embedded yet, or never. */
const CONFLICT = 409

/** Says what went wrong and what helps. */
export function Failure({ error, retry, children }: Props) {
  if (error instanceof ApiError && error.code === 'KEY_REQUIRED') return <SignIn scope="read" />
  const isOffline = error instanceof NetworkError
  const message = error instanceof Error ? error.message : String(error)
  const isWrong = error instanceof ApiError && WRONG.includes(error.status)
  const isConflict = error instanceof ApiError && error.status === CONFLICT
  const action = error instanceof ApiError ? error.action : undefined
  return (
    <section class="notice" role="alert">
      <Icon name={isOffline ? 'offline' : 'alert'} />
      <h2>{isOffline ? 'No connection to the server' : 'That did not work'}</h2>
      <p>
        {isOffline ? 'Is `unsplash-clip serve` still running? The page tries again when the network is back.' : message}
      </p>
      {action && <p>{action}</p>}
      <p class="notice-actions">
        {!(isWrong && children) && (
          <button type="button" class="button" onClick={retry}>
            Try again
          </button>
        )}
        {(isWrong || isConflict) && children}
      </p>
      {error instanceof ApiError && <p class="notice-code">{error.code}</p>}
    </section>
  )
}
