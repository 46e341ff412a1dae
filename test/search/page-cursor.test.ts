import { describe, expect, test } from 'vitest'
import { cursorOf, parseCursor } from '../../src/search/page-cursor.js'

describe('a page cursor', () => {
  test.each([0.1 + 0.2, -0.30000001192092896, 1, 1.2e-7])('takes %d back as it was printed', score => {
    expect(parseCursor(cursorOf({ score, photoId: '-N_UwPdUs7E' }), '--after')).toEqual({
      score,
      photoId: '-N_UwPdUs7E',
    })
  })

  test.each(['', '0.3', ',x', '0.3,', 'x,y', "0.3,x'; drop table photos", 'Infinity,x'])('refuses %j', text => {
    expect(() => parseCursor(text, '--after')).toThrow('--after expects SCORE,PHOTO_ID')
  })
})
