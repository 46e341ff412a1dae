import { PassThrough } from 'node:stream'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { hitLine } from '../../src/cli/print/hit-lines.js'
import { Output, table } from '../../src/cli/print/output.js'
import { Progress } from '../../src/cli/print/progress.js'
import { barePhoto } from '../../src/domain/photo.js'
import { redact } from '../../src/domain/text/redact.js'

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const OBEYED = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/

const ATTACKS = [
  '\u001b[2J\u001b[H all gone',
  '\u001b]0;title\u0007',
  '\u001b]8;;http://127.0.0.1/\u001b\\link\u001b]8;;\u001b\\',
  '\u009b31m red by C1',
  'overwritten\r       ',
  'back\u0008\u0008\u0008\u0008',
  '\u202egnp.exe',
  'bell\u0007',
]

function outputTo(json: boolean) {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()]
  const out = new Output(json, stdout, stderr)
  const read = (stream: PassThrough) => String(stream.read() ?? '')
  return { out, stdout: () => read(stdout), stderr: () => read(stderr) }
}

describe('what a dataset, a server or a label set wrote', () => {
  test.each(ATTACKS)('is shown, not obeyed: %j', attack => {
    const { out, stdout, stderr } = outputTo(false)
    const hit = {
      photoId: 'a',
      score: 1,
      correction: null,
      photo: { ...barePhoto('a', `https://images.example/${attack}`), photo_description: attack },
      labels: { time: { label: attack, score: 1 } },
      storedKey: null,
    }
    out.result({}, hitLine(1, hit))
    out.text(table(['a'], [[attack]]))
    out.note(attack)
    for (const text of [stdout(), stderr()]) {
      expect(text).not.toMatch(OBEYED)
      expect(text).not.toBe('')
    }
  })

  test('reads back from --json as it was, though no line of it is obeyed', () => {
    fc.assert(
      fc.property(fc.oneof(fc.constantFrom(...ATTACKS), fc.string({ unit: 'binary' })), text => {
        const { out, stdout } = outputTo(true)
        out.result({ [text]: text }, '')
        const line = stdout()
        expect(line).not.toMatch(OBEYED)
        expect(JSON.parse(line)).toEqual({ [text]: text })
      }),
    )
  })

  test('cannot make up a line of a table or of a hit', () => {
    expect(table(['id', 'value'], [['a', 'b\nforged  row']]).split('\n')).toHaveLength(2)
    const photo = { ...barePhoto('a', 'https://images.example/'), photo_url: 'x\n  2  0.9  forged' }
    const hit = { photoId: 'a', score: 1, correction: null, photo, labels: {}, storedKey: null }
    expect(hitLine(1, hit).split('\n')).toHaveLength(2)
  })

  test('cannot get out of the line of progress', () => {
    const terminal = Object.assign(new PassThrough(), { isTTY: true, columns: 80 })
    new Progress('p', terminal as unknown as NodeJS.WriteStream).write('\u001b[1A\u001b[2K forged')
    expect(String(terminal.read())).toBe('\r\u001b[2K\\u001b[1A\\u001b[2K forged')
  })
})

describe('a message', () => {
  test.each([
    ['at postgres://me:hunter2@db:5432/photos', 'at postgres://…@db:5432/photos'],
    ['rediss://:hunter2@cache:6380/1 refused', 'rediss://…@cache:6380/1 refused'],
    ['"https://a/b?X-Amz-Signature=hunter2&w=640#t=hunter2"', '"https://a/b?X-Amz-Signature=…&w=…#t=…"'],
    ['https://user@host/@2x.jpg and http://a/?b', 'https://…@host/@2x.jpg and http://a/?b'],
    ['mailto:me@example.org, a=b', 'mailto:me@example.org, a=b'],
  ])('%j is told as %j', (text, told) => {
    expect(redact(text)).toBe(told)
    const { out, stderr } = outputTo(false)
    out.note(text)
    expect(stderr()).toBe(`${told}\n`)
  })
})
