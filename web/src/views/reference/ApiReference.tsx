import { useEffect } from 'preact/hooks'
import { reference } from '../../api/reference.js'
import { restorePlace } from '../../app/navigation.js'
import { Failure } from '../../components/states/Failure.js'
import { useResource } from '../../state/resource.js'
import { Members, membersOf } from './Members.js'
import { OperationEntry } from './OperationEntry.js'
import { anchorOf, Type } from './Texts.js'

/** Every endpoint of the HTTP API, as its OpenAPI document describes it. */
export function ApiReference() {
  const { value, error, retry } = useResource('reference', reference)
  useEffect(() => {
    document.title = 'HTTP API – unsplash-clip'
  }, [])
  useEffect(() => {
    if (!value) return
    restorePlace()
    // The browser looked for the entry of the address before it was there.
    if (location.hash !== '') location.replace(location.hash)
  }, [value])
  if (error !== undefined) return <Failure error={error} retry={retry} />
  const names = new Set(value?.schemas.map(([name]) => name))
  return (
    <div class="reference">
      <h1 class="results-title">HTTP API</h1>
      <p class="labels-text">
        What this page does, programs can do too. <a href="/api/v1/openapi.json">openapi.json</a> says the same in
        OpenAPI 3.1, for generators of clients.
      </p>
      {!value && <div class="view-pending" aria-busy="true" />}
      {value?.groups.map(({ title, operations }) => (
        <section key={title}>
          <h2>{title}</h2>
          {operations.map(operation => (
            <OperationEntry key={operation.operationId} operation={operation} names={names} />
          ))}
        </section>
      ))}
      {value && (
        <section>
          <h2>Schemas</h2>
          {value.schemas.map(([name, schema]) => (
            <details key={name} class="operation">
              <summary>
                <code class="operation-path">{name}</code>
                <span class="quiet">{schema.description}</span>
              </summary>
              {/* Jumping into closed details opens them. */}
              <div class="operation-body" id={anchorOf(name)}>
                {schema.properties ? (
                  <Members members={membersOf(schema)} names={names} />
                ) : (
                  <Type schema={schema} names={names} />
                )}
              </div>
            </details>
          ))}
        </section>
      )}
    </div>
  )
}
