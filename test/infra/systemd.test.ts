import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { COMMAND_FAILURES } from '../../src/domain/errors.js'
import { expectCommand, unknownVariables } from './entry-point.js'

const lines = readFileSync('infra/systemd/unsplash-clip-worker.service', 'utf8').split('\n')
const values = (name: string) =>
  lines.filter(line => line.startsWith(`${name}=`)).map(line => line.slice(name.length + 1))

test('the unit restarts crashed workers without limit, but not after wrong configuration', () => {
  expect(values('Restart')).toEqual(['on-failure'])
  expect(values('RestartPreventExitStatus')).toEqual([String(COMMAND_FAILURES.CONFIG_INVALID.exitCode)])
  expect(values('StartLimitIntervalSec')).toEqual(['0'])
})

test('the unit leaves workers the ten seconds in which they end, and signals the supervisor alone', () => {
  expect(Number(values('TimeoutStopSec')[0])).toBeGreaterThan(10)
  expect(values('KillMode')).toEqual(['mixed'])
})

test('the unit starts a command that exists, with settings that exist', async () => {
  const [, ...args] = values('ExecStart')[0]!.split(' ')
  await expectCommand(args)
  expect(unknownVariables(values('Environment').map(value => value.split('=')[0]!))).toEqual([])
})
