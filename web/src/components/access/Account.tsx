import { useId, useRef } from 'preact/hooks'
import { signOut } from '../../api/session.js'
import { caller } from '../../state/caller.js'
import { announce } from '../../state/current.js'
import { Icon } from '../parts/Icon.js'
import { SignInForm } from './SignInForm.js'

/** Signs out, or in where more than reading needs a key. Nothing where this machine may do everything. */
export function Account() {
  const dialog = useRef<HTMLDialogElement>(null)
  const title = useId()
  const { scope, key } = caller.value ?? { scope: null, key: null }
  if (key !== null)
    return (
      <button
        type="button"
        class="icon-button"
        aria-label="Sign out"
        title="Sign out"
        onClick={() => signOut().catch(error => announce((error as Error).message))}
      >
        <Icon name="leave" />
      </button>
    )
  if (scope === null || scope === 'admin') return null
  return (
    <>
      <button
        type="button"
        class="icon-button"
        aria-label="Sign in"
        title="Sign in"
        onClick={() => dialog.current?.showModal()}
      >
        <Icon name="key" />
      </button>
      <dialog ref={dialog} class="dialog" aria-labelledby={title}>
        <div class="dialog-head">
          <h2 id={title}>Sign in</h2>
          <button type="button" class="icon-button" aria-label="Close" onClick={() => dialog.current?.close()}>
            <Icon name="close" />
          </button>
        </div>
        <p class="hint">With a key you see and do what it permits, such as the runs.</p>
        <SignInForm />
      </dialog>
    </>
  )
}
