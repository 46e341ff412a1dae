import { Command } from 'commander'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { addDuplicatesCommand } from '../../../src/cli/commands/duplicates.js'
import { addFacetsCommand } from '../../../src/cli/commands/facets.js'
import { addIngestCommand } from '../../../src/cli/commands/ingest.js'
import { addSearchCommand } from '../../../src/cli/commands/search.js'
import { selectionOf } from '../../../src/cli/ingest/ingest-options.js'
import { filtersOf } from '../../../src/cli/options/filter-options.js'
import { PHOTO_COLUMNS } from '../../../src/domain/photo.js'

const columns = fc.constantFrom(...Object.keys(PHOTO_COLUMNS), 'iso', 'constructor', '')
const operators = fc.constantFrom(
  '=',
  '!=',
  '<',
  '<=',
  '>',
  '>=',
  '~',
  ' in ',
  ' is null',
  ' is not null',
  ' like ',
  '',
)
const values = fc.oneof(
  fc.string(),
  fc.constantFrom(
    '',
    '800',
    '400.0',
    '1.5',
    'true',
    'f',
    'Norway',
    'A|B',
    '1|2',
    '2014',
    '2014-09-29',
    '2014-09-29 10:11',
  ),
)
const conditions = fc.oneof(
  fc.string(),
  fc.tuple(columns, operators, values).map(parts => parts.join('')),
)

test('ingest and the commands that search accept the same conditions, and refuse others with the same message', async () => {
  await fc.assert(
    fc.asyncProperty(conditions, async text => {
      const searching = await filtersOf({ where: [text] }).then(({ where }) => where, String)
      expect(outcome(() => selectionOf({ where: [text] }).where)).toEqual(searching)
    }),
    { numRuns: 1000 },
  )
})

test('every command says the same of --where', () => {
  const program = new Command()
  for (const add of [addIngestCommand, addSearchCommand, addFacetsCommand, addDuplicatesCommand]) add(program)
  const described = program.commands.flatMap(command =>
    command.options
      .filter(({ long }) => long === '--where')
      .map(({ flags, description }) => `${flags}: ${description}`),
  )
  expect(described).toHaveLength(program.commands.length)
  expect(new Set(described).size).toBe(1)
})

function outcome<T>(act: () => T): T | string {
  try {
    return act()
  } catch (error) {
    return String(error)
  }
}
