import type { ModelId } from '../domain/ports/repository.js'
import { TEXT_AXES, type TextSpace } from '../domain/text-space.js'

/**
 * Length of a text, in lengths of a photo: at the same length the differences between photos drown in the half precision of
 * their last number, and a window of 400 candidates held 0.938 of the true ten nearest instead of 0.991.
 */
const TEXT_LENGTH = 8

/** Numbers of a photo in the space of texts: the axes, and the one that makes all equally long. */
export const textSpaceDimension = (dimension: number): number => Math.min(TEXT_AXES, dimension) + 1

export const textSpaceNames = (modelId: ModelId, suffix = ''): { photo: string; text: string } => ({
  photo: `text_space_m${modelId}${suffix}`,
  text: `text_query_m${modelId}${suffix}`,
})

/**
 * Functions that take a photo and a text into their space. In plpgsql, so that a statement that orders by one is planned
 * without reading its constants: an index search never calls it. A plain list of expressions: an unnest of an array of axes
 * took 50 times as long. All names with their schema, since Postgres 17 and later build indexes without a search path.
 * @param schema of pgvector
 */
export function createTextSpace(space: TextSpace, names: { photo: string; text: string }, schema: string): string[] {
  const { axes, weights, mean, radius } = space
  const dimension = mean.length
  const vector = `"${schema}".vector`
  const half = `"${schema}".halfvec`
  const operator = (name: string) => `operator("${schema}".${name})`
  const photo = axes.map((axis, i) => {
    const root = Math.sqrt(weights[i]!)
    const offset = root * axis.reduce((sum, value, d) => sum + value * mean[d]!, 0)
    return `-('${literal(axis, root)}'::${half}(${dimension}) ${operator('<#>')} embedding) - (${offset})`
  })
  const text = axes.map((axis, i) => {
    const stretch = weights[i]! > 0 ? 1 / Math.sqrt(weights[i]!) : 0
    return `-('${literal(axis, stretch)}'::${vector}(${dimension}) ${operator('<#>')} query)`
  })
  const count = axes.length
  return [
    `create function ${names.photo}(embedding ${half}) returns ${half} language plpgsql immutable strict parallel safe as $function$
declare
  y ${half}(${count}) := array[${photo.join(',\n')}];
begin
  return y ${operator('||')} array[sqrt(greatest(0, ${radius ** 2} + (y ${operator('<#>')} y)))]::${half};
end $function$`,
    `create function ${names.text}(query ${vector}) returns ${half} language plpgsql immutable strict parallel safe as $function$
declare
  s ${vector}(${count}) := array[${text.join(',\n')}];
begin
  return ("${schema}".l2_normalize(s) ${operator('*')} array_fill(${TEXT_LENGTH * radius}::real, array[${count}])::${vector})::${half}
    ${operator('||')} '[0]'::${half};
end $function$`,
    `comment on function ${names.photo} is 'A photo where texts look for it: the axes in which texts differ, stretched, and a number that makes all equally long.'`,
    `comment on function ${names.text} is 'A text in the space of ${names.photo}: the nearest there by Euclidean distance has the largest inner product.'`,
  ]
}

export function dropTextSpace(names: { photo: string; text: string }): string[] {
  return Object.values(names).map(name => `drop function if exists ${name}`)
}

function literal(axis: Float64Array, scale: number): string {
  return `[${Array.from(axis, value => Number((value * scale).toPrecision(7)))}]`
}
