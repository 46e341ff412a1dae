import type { SchemaTree } from 'hyparquet'
import { AppError } from '../../domain/errors.js'
import { VECTOR_NAMES, vectorColumnOf } from '../vector-columns.js'

/** The nodes from the root of a schema down to a leaf. */
export type SchemaPath = SchemaTree[]

/** Columns of single values, by name. */
export function flatColumns(root: SchemaTree): Map<string, SchemaPath> {
  const columns = root.children.filter(
    ({ children, element }) => children.length === 0 && element.repetition_type !== 'REPEATED',
  )
  return new Map(columns.map(column => [column.element.name, [root, column]]))
}

/**
 * Finds the column of vectors: lists of float16, float32 or float64.
 * @param wanted its name; undefined: a usual name, or the only such column
 * @returns the path of its numbers
 * @throws AppError INPUT_COLUMNS_MISSING
 */
export function vectorColumn(name: string, root: SchemaTree, wanted: string | undefined): SchemaPath {
  const lists = new Map<string, SchemaPath>()
  for (const column of root.children) {
    const leaf = onlyLeaf(column)
    const path = leaf && [root, ...leaf]
    const repeated = path?.filter(({ element }) => element.repetition_type === 'REPEATED').length
    if (path && repeated === 1 && isFloat(path.at(-1)!)) lists.set(column.element.name, path)
  }
  const found = vectorColumnOf([...lists.keys()], wanted)
  if (found !== undefined) return lists.get(found)!
  const others = root.children.map(({ element }) => element.name)
  const named =
    wanted ?? (lists.size === 0 ? others.find(each => VECTOR_NAMES.includes(each.toLowerCase())) : undefined)
  const what =
    named !== undefined && others.includes(named)
      ? `its column ${named} holds something else`
      : `it has ${lists.size > 1 ? `several: ${[...lists.keys()].join(', ')}. Name one with --vector-column` : `the columns ${others.join(', ') || 'none'}`}`
  throw new AppError(
    'INPUT_COLUMNS_MISSING',
    `${name}: expected a column ${named ?? 'embedding'} with lists of float16, float32 or float64, found that ${what}.`,
  )
}

/** The nodes from a column down to its only leaf; undefined: it has several. */
function onlyLeaf(column: SchemaTree): SchemaTree[] | undefined {
  const path = [column]
  for (let node = column; node.children.length > 0; node = path.at(-1)!) {
    if (node.children.length > 1) return undefined
    path.push(node.children[0]!)
  }
  return path
}

function isFloat({ element: { type, logical_type: logical } }: SchemaTree): boolean {
  return type === 'FLOAT' || type === 'DOUBLE' || logical?.type === 'FLOAT16'
}
