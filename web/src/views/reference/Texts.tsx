import type { Schema } from '../../api/reference.js'
import { typeText } from './type-text.js'

/** A sentence in which what stands between backticks is code. */
export function Sentence({ text }: { text: string }) {
  return <>{text.split('`').map((part, i) => (i % 2 === 1 ? <code key={i}>{part}</code> : part))}</>
}

export const anchorOf = (schema: string) => `schema-${schema}`

/** A type. Names of schemas lead to them. @param names of all schemas */
export function Type({ schema, names }: { schema: Schema | undefined; names: ReadonlySet<string> }) {
  const parts = typeText(schema).split(/\b([A-Z]\w+)\b/)
  return (
    <code class="type">
      {parts.map((part, i) =>
        names.has(part) ? (
          <a key={i} href={`#${anchorOf(part)}`}>
            {part}
          </a>
        ) : (
          part
        ),
      )}
    </code>
  )
}
