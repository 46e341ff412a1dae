import type { Schema } from '../../api/reference.js'
import { Sentence, Type } from './Texts.js'

export interface Member {
  name: string
  schema: Schema
  isRequired: boolean
  description: string | undefined
}

/** The properties of an object, in their order. */
export function membersOf({ properties = {}, required = [] }: Schema): Member[] {
  return Object.entries(properties).map(([name, schema]) => ({
    name,
    schema,
    isRequired: required.includes(name),
    description: schema.description,
  }))
}

/** Parameters, or properties of an object: name, type and meaning of each. */
export function Members({ members, names }: { members: readonly Member[]; names: ReadonlySet<string> }) {
  return (
    <dl class="members">
      {members.map(({ name, schema, isRequired, description }) => (
        <div key={name}>
          <dt>
            <code>{name}</code>
            {isRequired && <span class="quiet"> required</span>}
          </dt>
          <dd>
            <Type schema={schema} names={names} />
            {description && (
              <p>
                <Sentence text={description} />
              </p>
            )}
          </dd>
        </div>
      ))}
    </dl>
  )
}
