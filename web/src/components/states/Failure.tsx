import { ApiError, NetworkError } from '../../api/errors.js'
import { SignIn } from '../access/SignIn.js'
import { Icon } from '../parts/Icon.js'

interface Props {
  error: unknown
  retry: () => void
}

/** Says what went wrong and what helps. */
export function Failure({ error, retry }: Props) {
  if (error instanceof ApiError && error.code === 'KEY_REQUIRED') return <SignIn scope="read" />
  const isOffline = error instanceof NetworkError
  const message = error instanceof Error ? error.message : String(error)
  const action = error instanceof ApiError ? error.action : undefined
  return (
    <section class="notice" role="alert">
      <Icon name={isOffline ? 'offline' : 'alert'} />
      <h2>{isOffline ? 'No connection to the server' : 'That did not work'}</h2>
      <p>
        {isOffline ? 'Is `unsplash-clip serve` still running? The page tries again when the network is back.' : message}
      </p>
      {action && <p>{action}</p>}
      <p>
        <button type="button" class="button" onClick={retry}>
          Try again
        </button>
      </p>
      {error instanceof ApiError && <p class="notice-code">{error.code}</p>}
    </section>
  )
}
