import { useEffect, useId, useRef, useState } from 'preact/hooks'
import { signIn } from '../../api/session.js'
import { announce } from '../../state/current.js'

/** Takes a key. The page then goes on where it was, and this form is gone. */
export function SignInForm({ hasFocus = false }: { hasFocus?: boolean }) {
  const [problem, setProblem] = useState('')
  const [isBusy, setBusy] = useState(false)
  const input = useRef<HTMLInputElement>(null)
  const field = useId()
  useEffect(() => {
    if (hasFocus) input.current?.focus()
  }, [hasFocus])
  const submit = async (event: Event) => {
    event.preventDefault()
    const text = input.current?.value.trim() ?? ''
    if (text === '' || isBusy) return
    setBusy(true)
    setProblem('')
    try {
      await signIn(text)
      announce('You are signed in.')
      document.getElementById('main')?.focus()
    } catch (error) {
      setProblem((error as Error).message)
      input.current?.select()
    } finally {
      setBusy(false)
    }
  }
  return (
    <form class="sign-in" onSubmit={submit}>
      <div class="field-row">
        <label class="visually-hidden" for={field}>
          Key
        </label>
        <input
          ref={input}
          id={field}
          type="password"
          name="key"
          required
          maxLength={200}
          placeholder="uc_…"
          autocomplete="current-password"
          spellcheck={false}
        />
        <button type="submit" class="button is-primary" disabled={isBusy}>
          Sign in
        </button>
      </div>
      {problem && (
        <p class="problem" role="alert">
          {problem}
        </p>
      )}
    </form>
  )
}
