import type { ColumnType } from '../../domain/photo.js'
import type { Column, ColumnValue } from '../columns.js'
import type { SchemaElement } from './vector-chunk.js'

const TYPES: Record<ColumnType, Omit<SchemaElement, 'name' | 'repetition_type'>> = {
  text: { type: 'BYTE_ARRAY', converted_type: 'UTF8' },
  timestamp: { type: 'INT64', logical_type: { type: 'TIMESTAMP', isAdjustedToUTC: false, unit: 'MICROS' } },
  boolean: { type: 'BOOLEAN' },
  integer: { type: 'INT32' },
  bigint: { type: 'INT64' },
  number: { type: 'DOUBLE' },
}

export function scalarSchema({ name, type }: Column): SchemaElement {
  return { name, ...TYPES[type], repetition_type: name === 'photo_id' ? 'REQUIRED' : 'OPTIONAL' }
}

/** A value as the writer takes it: integers of 64 bits as bigint, timestamps as microseconds since 1970. */
export function scalarValue(type: ColumnType, value: ColumnValue): unknown {
  if (value === null) return null
  if (type === 'bigint') return BigInt(value as number)
  return type === 'timestamp' ? microseconds(value as string) : value
}

/** @param timestamp `2014-09-29 00:08:38.594364` of Postgres: without time zone, as the column has none */
function microseconds(timestamp: string): bigint {
  const [moment, fraction = ''] = timestamp.split('.')
  return BigInt(Date.parse(`${moment!.replace(' ', 'T')}Z`)) * 1000n + BigInt(fraction.padEnd(6, '0').slice(0, 6))
}
