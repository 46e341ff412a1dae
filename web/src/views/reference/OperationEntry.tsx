import type { Operation } from '../../api/reference.js'
import { type Member, Members } from './Members.js'
import { Sentence, Type } from './Texts.js'

interface Props {
  operation: Operation
  /** Of all schemas. */
  names: ReadonlySet<string>
}

/** What one endpoint takes and answers. */
export function OperationEntry({ operation, names }: Props) {
  const { operationId, method, path, summary, description, security = [], responses } = operation
  const [scope] = Object.values(security[0] ?? {}).flat()
  const bodies = Object.entries(operation.requestBody?.content ?? {})
  // Those of failures are the same everywhere.
  const answers = Object.entries(responses).filter(([, answer]) => answer.$ref === undefined)
  const failures = Object.keys(responses).filter(status => responses[status]!.$ref !== undefined)
  return (
    <details class="operation" id={operationId}>
      <summary>
        <span class={`method is-${method.toLowerCase()}`}>{method}</span>
        <code class="operation-path">{path}</code>
        <span class="quiet">{summary}</span>
      </summary>
      <div class="operation-body">
        {description && (
          <p>
            <Sentence text={description} />
          </p>
        )}
        <p class="quiet">
          {scope ? `Needs a key with the scope ${scope} where the server wants one.` : 'Needs no key.'}{' '}
          {isOpenable(operation) && (
            <a href={path} target="_blank" rel="noreferrer">
              Open it
            </a>
          )}
        </p>
        <Parameters operation={operation} names={names} />
        {bodies.map(([type, { schema }]) => (
          <section key={type}>
            <h3>Body, {type}</h3>
            <Type schema={schema} names={names} />
          </section>
        ))}
        {answers.map(([status, { content = {} }]) => (
          <section key={status}>
            <h3>
              Answer {status}
              {Object.keys(content).length > 0 && `, ${Object.keys(content).join(', ')}`}
            </h3>
            {Object.values(content).map(({ schema }, i) => (
              <Type key={i} schema={schema} names={names} />
            ))}
          </section>
        ))}
        <p class="quiet">
          Failures: {failures.join(', ')}, each a <Type schema={{ $ref: 'Problem' }} names={names} />.
        </p>
      </div>
    </details>
  )
}

function Parameters({ operation: { parameters = [] }, names }: Props) {
  if (parameters.length === 0) return null
  const members: Member[] = parameters.map(({ name, schema, required = false, description = schema.description }) => ({
    name,
    schema,
    isRequired: required,
    description,
  }))
  return (
    <section>
      <h3>Parameters</h3>
      <Members members={members} names={names} />
    </section>
  )
}

/** Whether a browser can simply go there. */
function isOpenable({ method, parameters = [] }: Operation): boolean {
  return method === 'GET' && !parameters.some(({ required, in: place }) => required || place === 'path')
}
