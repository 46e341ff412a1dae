import type { ComponentChildren } from 'preact'
import { useEffect } from 'preact/hooks'
import { ApiError } from '../../api/errors.js'
import { announce } from '../../state/current.js'
import { Icon } from '../parts/Icon.js'

interface Props {
  title: string
  /** What the address names, and why it may not be there. */
  text: string
  /** Ways on. */
  children: ComponentChildren
}

/** What an address names is not there. To try again would not help. */
export function Missing({ title, text, children }: Props) {
  useEffect(() => {
    document.title = `${title} – unsplash-clip`
    announce(title)
  }, [title])
  return (
    <section class="notice">
      <Icon name="search" />
      <h1>{title}</h1>
      <p>{text}</p>
      <p class="notice-actions">{children}</p>
    </section>
  )
}

/** Whether a failure says that what the address names does not exist, or cannot. */
export function isMissing(error: unknown): boolean {
  return error instanceof ApiError && (error.status === 404 || error.field?.startsWith('params.') === true)
}
