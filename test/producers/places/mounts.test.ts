import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { MountMemory } from '../../../src/producers/places/mount-memory.js'
import { Mounts } from '../../../src/producers/places/mounts.js'

const line = (path: string) => `36 35 98:0 / ${path} rw,noatime master:1 - ext3 /dev/root rw`

test('tells which disks below watched folders are not mounted any more, and which are back', async () => {
  let mounted = ['/', '/photos', '/photos/my\\040disk', '/photos2/x', '/photos/b']
  const mounts = new Mounts(undefined, async () => mounted.map(line).join('\n'))
  const look = () => mounts.look(['/photos'])
  expect(await look()).toEqual({ away: [], back: [] })
  mounted = ['/', '/photos/b']
  expect(await look()).toEqual({ away: ['/photos/my disk'], back: [] })
  expect([await look(), mounts.away]).toEqual([{ away: [], back: [] }, ['/photos/my disk']])
  mounted = ['/', '/photos/my\\040disk']
  expect(await look()).toEqual({ away: ['/photos/b'], back: ['/photos/my disk'] })
})

test('knows nothing where the system does not tell', async () => {
  const mounts = new Mounts(undefined, async () => Promise.reject(new Error('ENOENT')))
  expect([await mounts.look(['/']), mounts.away]).toEqual([{ away: [], back: [] }, []])
})

test('knows the disks that an earlier process saw, until they are forgotten', async () => {
  const home = await mkdtemp(join(tmpdir(), 'unsplash-clip-mounts-'))
  onTestFinished(() => rm(home, { recursive: true }))
  const memory = new MountMemory(home)
  const looking = async (mounted: string[]) => {
    const mounts = new Mounts(memory, async () => mounted.map(line).join('\n'))
    return mounts.look(['/photos'])
  }
  expect(await looking(['/', '/photos/disk', '/other'])).toEqual({ away: [], back: [] })
  expect(await looking(['/'])).toEqual({ away: ['/photos/disk'], back: [] })
  expect(await memory.all()).toEqual(['/photos/disk'])
  await memory.forget(['/photos/disk'])
  expect(await looking(['/'])).toEqual({ away: [], back: [] })
})
