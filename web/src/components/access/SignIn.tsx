import { useEffect } from 'preact/hooks'
import type { Scope } from '../../state/caller.js'
import { announce } from '../../state/current.js'
import { Icon } from '../parts/Icon.js'
import { SignInForm } from './SignInForm.js'

interface Props {
  /** What the key must permit. */
  scope: Scope
  /** Whether it takes the place of the view. */
  isView?: boolean
}

/** In the place of what needs a key. */
export function SignIn({ scope, isView = false }: Props) {
  useEffect(() => announce('Sign in to go on.'), [])
  const title = 'Sign in to go on'
  return (
    <section class="notice">
      <Icon name="key" />
      {isView ? <h1>{title}</h1> : <h2>{title}</h2>}
      <p>
        This needs a key with the scope {scope}. The operator of the server makes one:{' '}
        <code>unsplash-clip keys create NAME{scope === 'read' ? '' : ` --scope ${scope}`}</code>
      </p>
      <SignInForm hasFocus={isView} />
    </section>
  )
}
