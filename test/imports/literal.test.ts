import { expect, test } from 'vitest'
import { parseLiteral } from '../../src/imports/npy/literal.js'

test.each([
  [
    "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }",
    { descr: '<f4', fortran_order: false, shape: [3, 4] },
  ],
  ["{'shape': (3,)}", { shape: [3] }],
  ["{'shape': (3L, 4L)}", { shape: [3, 4] }],
  [
    "[('a', '<f4'), ('b', '<i8')]",
    [
      ['a', '<f4'],
      ['b', '<i8'],
    ],
  ],
  ['{}', {}],
  ['()', []],
  ['None', null],
])('%s is a literal', (text, value) => {
  expect(parseLiteral(text)).toEqual(value)
})

test.each([
  '',
  '{',
  "{'a': }",
  "{'a' 1}",
  "{'a': 1} 2",
  "{'a': 1, 'a': 2}",
  "{1: 'a'}",
  "__import__('os').system('ls')",
  "{'shape': (3, 4) * 10**9}",
  "'a\\x41'",
  '(1 2)',
  '-3',
  '('.repeat(100),
])('%s is none', text => {
  expect(parseLiteral(text)).toBeUndefined()
})
