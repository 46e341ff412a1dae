import { readFile } from 'node:fs/promises'
import { Command } from 'commander'
import { describe, expect, test } from 'vitest'
import { addEvalCommand } from '../../src/cli/eval/eval-command.js'
import { parseVariants } from '../../src/evaluation/variant.js'

const plain = { name: 'plain', index: 'tuned', hybrid: null }

/** The values of `--variant` in commands as they are printed. */
const written = (text: string): string[] =>
  [...text.matchAll(/--variant (?:"([^"]+)"|([^\s"]+))/g)].map(found => (found[1] ?? found[2])!)

describe('variants', () => {
  test('of the help and of the guide can be read', async () => {
    let help = ''
    const program = new Command().configureOutput({ writeOut: text => (help += text) })
    addEvalCommand(program)
    program.commands[0]!.outputHelp()
    const examples = written(help.slice(help.indexOf('Examples:')))
    expect(examples.length).toBeGreaterThan(4)
    const guide = written(await readFile(new URL('../../docs/guides/evaluation.md', import.meta.url), 'utf8'))
    expect(guide.length).toBeGreaterThan(6)
    for (const example of [...examples, ...guide]) expect(parseVariants([example])).not.toHaveLength(0)
  })

  test('without any there is the search as it is', () => {
    expect(parseVariants([])).toEqual([plain])
    expect(parseVariants(['plain'])).toEqual([plain])
  })

  test('have settings with blanks between them', () => {
    expect(parseVariants([' index=hnsw:80   hybrid=0.3 ', 'model=clip@fp32 index=ivfflat'])).toEqual([
      {
        name: 'index=hnsw:80 hybrid=0.3',
        index: { method: 'hnsw', effort: 80 },
        hybrid: { vectorWeight: 1, textWeight: 0.3 },
      },
      { name: 'model=clip@fp32 index=ivfflat', model: 'clip@fp32', index: { method: 'ivfflat' }, hybrid: null },
    ])
    expect(parseVariants(['hybrid=words'])[0]!.hybrid).toEqual({ vectorWeight: 0, textWeight: 1 })
    expect(parseVariants(['hybrid=0'])[0]!.hybrid).toBeNull()
  })

  test('multiply where a setting has several values', () => {
    expect(parseVariants(['plain', 'model=a,b hybrid=0.5,1']).map(({ name }) => name)).toEqual([
      'plain',
      'model=a hybrid=0.5',
      'model=a hybrid=1',
      'model=b hybrid=0.5',
      'model=b hybrid=1',
    ])
  })

  test.each([
    'hybrid',
    'hybrid=',
    'hybrid=1,',
    'hybrid=-1',
    'hybrid=much',
    'hybrid=1001',
    'hybrid=1e2',
    '=1',
    'index=hnsw:0',
    'index=hnsw:1001',
    'index=flat',
    'index=ivfflat:x',
    'colour=red',
    'hybrid=1 hybrid=2',
    'hybrid=1,1',
  ])('are refused with what was expected: %s', text => {
    expect(() => parseVariants([text])).toThrow(expect.objectContaining({ code: 'USAGE' }))
  })

  test('are at most forty', () => {
    const many = (count: number) => `hybrid=${Array.from({ length: count }, (_, i) => i).join(',')}`
    expect(parseVariants([many(40)])).toHaveLength(40)
    for (const texts of [[many(41)], [many(30), `index=exact ${many(30)}`]])
      expect(() => parseVariants(texts)).toThrow(/at most 40/)
  })
})
