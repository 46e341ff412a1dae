import { describe, expect, test } from 'vitest'
import { readConfig, SETTINGS } from '../src/config.js'
import { AppError } from '../src/domain/errors.js'

describe('settings', () => {
  test('have defaults that need nothing installed', () => {
    const config = readConfig({})
    expect(config.DATABASE_URL).toBeUndefined()
    expect(config.REDIS_URL).toBeUndefined()
    expect(config.MODEL).toBe('clip-vit-b-32')
    expect(config.LABEL_SETS).toEqual(['taken_time', 'taken_space'])
  })

  test('are typed, frozen, and an empty text counts as unset', () => {
    const config = readConfig({
      PHOTOS_PER_JOB: '32',
      ALLOW_HOSTS: 'a.example, b.example:81',
      S3_FORCE_PATH_STYLE: 'true',
      MODEL: '',
    })
    expect(config.PHOTOS_PER_JOB).toBe(32)
    expect(config.ALLOW_HOSTS).toEqual(['a.example', 'b.example:81'])
    expect(config.S3_FORCE_PATH_STYLE).toBe(true)
    expect(config.MODEL).toBe('clip-vit-b-32')
    expect(Object.isFrozen(config)).toBe(true)
  })

  test('take none for no label sets, and for a name like any other beside another one', () => {
    expect(readConfig({ LABEL_SETS: 'none' }).LABEL_SETS).toEqual([])
    expect(readConfig({ LABEL_SETS: 'season, none' }).LABEL_SETS).toEqual(['season', 'none'])
  })

  test('that are wrong are all named, with what was expected and what was found', () => {
    const read = () => readConfig({ PHOTOS_PER_JOB: 'many', DATABASE_URL: 'mysql://u:secret@h/d' })
    expect(read).toThrow(AppError)
    expect(read).toThrow('PHOTOS_PER_JOB: expected 1 to 1024, found "many"')
    expect(read).toThrow('DATABASE_URL: expected postgres://user:password@host:5432/database')
    expect(read).not.toThrow('secret')
  })

  test.each(Object.entries(SETTINGS))('%s says what it expects and what it is for', (_, setting) => {
    expect(setting.help).toMatch(/\.$/)
    expect(setting.expected).not.toBe('')
  })
})
