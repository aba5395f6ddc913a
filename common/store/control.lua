-- control.lua - what operators have ordered (bans, overrides), and what each
-- daemon shows to the others, now and of hours past; on Redis's own clock.
--
-- Rare: a read twice a second by each daemon, and a write now and then. No
-- decision waits for it, so it is written to be read.
--
-- KEYS: 1 versions (zset: id -> when it was changed last)
--       2 ends     (zset: id -> ms at which it is over)
--       3 values   (hash: id -> "SET_MS TAB text"; "" -> the last version that
--                   was forgotten; text "" : lifted)
--       4 seen     (zset: daemon -> ms until which its board counts)
--       5 boards   (hash: daemon -> text)
--       6 lives    (zset: record -> ms at which it is over)
--       7 records  (hash: record -> text)
-- Each key lives a little longer than the last thing in it.
--
-- A version is the time in µs, or one more than the last: it grows even when
-- all was lost, so a reader that knows more than there is begins anew. What
-- was lifted stays for LIFTED_MS as an entry without text, so that readers hear
-- of it; one that was away for longer begins anew.
--
-- The first three keys bear the same birth, the version at which they were
-- begun, as the id "birth": who knows another one, or finds a key without it
-- (one alone was evicted), knows that something was lost, while what is not
-- there under the birth that he knows was lifted. Daemons that find a loss
-- begin a new birth, and write what they know, with its age: the newest of a
-- key wins, whether it is an order or its lifting. So the order in which they
-- come does not matter.
--
-- ARGV: read CURSOR COUNT BIRTH
--         -> version if there is nothing new, else { CURSOR to go on from,
--         1 if all that was read before is void, 1 if there is more, birth (0:
--         none, or not the same in all), ms since then, then of each: id, ms
--         left, ms since it was set, text }
--       begin BIRTH             -> a new birth, or the present one, if another
--                                  daemon has begun it meanwhile
--       restore MAX (ID LEFT_MS AGE_MS TEXT)... -> how many were written, that
--                                  is, are the newest; TEXT "": it was lifted
--       set ID LIFE_MS TEXT MAX AUTOMATIC KEEPS
--         -> 1; 0: there are MAX already; 2: a person's stays, or (KEEPS 1)
--         one whose whole life is as long
--       lift ID LIFE_MS TEXT MAX AUTOMATIC
--         -> 1; 0: there is none; 2: a person's stays
--       show DAEMON LIFE_MS TEXT -> 1
--       daemons COUNT            -> those whose boards count
--       look DAEMON...           -> their boards
--       keep RECORD LIFE_MS TEXT MAX -> 1; 0: there are MAX already. Its life
--         begins when it is kept first, so new ones come last
--       kept OVER_MS OFFSET COUNT -> the texts of those that are over after
--         OVER_MS, by that time, from OFFSET on
--
-- Commands, for an ACL: TIME ZADD ZCARD ZREM ZSCORE ZREVRANGE ZRANGEBYSCORE
-- HGET HMGET HSET HDEL PTTL PEXPIRE DEL.

local LIFTED_MS, MARGIN_MS, FORGET_MAX = 30000, 60000, 100
local SAME_MS = 500 -- clocks of the age of one order may differ by so much

local call = redis.call
local versions, ends, values, seen, boards, lives, records = unpack(KEYS)
local verb = ARGV[1]

local time = call('TIME')
local now_us = time[1] * 1000000 + time[2]
local now = math.floor(now_us / 1000)

local function text_of(number)
  return string.format('%.0f', number)
end

local function live_on(key, life)
  if call('PTTL', key) < life + MARGIN_MS then
    call('PEXPIRE', key, text_of(life + MARGIN_MS))
  end
end

local function newest_version()
  return (call('ZREVRANGE', versions, 0, 0, 'WITHSCORES')[2] or 0) + 0
end

-- What is over needs no word to anybody, but a lifted one that goes unread.
local function forget()
  local forgotten = (call('HGET', values, '') or 0) + 0
  local before = forgotten
  local ids = call(
    'ZRANGEBYSCORE', ends, '-inf', text_of(now), 'LIMIT', 0, FORGET_MAX)
  for _, id in ipairs(ids) do
    local value = call('HGET', values, id)
    local version = call('ZSCORE', versions, id)
    if version and (not value or value:match('^%d+\t$')) then
      forgotten = math.max(forgotten, version + 0)
    end
    call('ZREM', versions, id)
    call('ZREM', ends, id)
    call('HDEL', values, id)
  end
  if forgotten > before then
    call('HSET', values, '', text_of(forgotten))
  end
end

-- 0: none in all three.
local function birth_now()
  local birth = call('HGET', values, 'birth')
  if birth and call('ZSCORE', ends, 'birth') and
    (call('ZSCORE', versions, 'birth') or 0) + 0 == birth + 0 then
    return birth + 0
  end
  return 0
end

local function begin()
  local is_part = call('HGET', values, 'birth') or
    call('ZSCORE', ends, 'birth') or call('ZSCORE', versions, 'birth')
  local birth = math.max(newest_version() + 1, now_us)
  if is_part and birth_now() == 0 then
    call('DEL', versions, ends, values)
  end
  call('ZADD', versions, text_of(birth), 'birth')
  call('ZADD', ends, '+inf', 'birth')
  call('HSET', values, 'birth', text_of(birth))
  live_on(versions, LIFTED_MS)
  live_on(ends, LIFTED_MS)
  live_on(values, LIFTED_MS)
  return birth
end

local function write(id, life, text, set)
  local version = math.max(newest_version() + 1, now_us)
  call('ZADD', versions, text_of(version), id)
  call('ZADD', ends, text_of(now + life), id)
  call('HSET', values, id, text_of(set) .. '\t' .. text)
  live_on(versions, life)
  live_on(ends, life)
  live_on(values, life)
  return 1
end

local function is_automatic(id)
  return id:sub(1, 1) == 'b' and
    (call('HGET', values, id) or ''):match('^%d+\t1\t')
end

-- Of a full table the automatic ban that ends first gives way. Readers know the
-- same rule: no word to them. "birth" is one of the entries.
local function make_room(id, max)
  local at = 0
  while not call('ZSCORE', ends, id) and call('ZCARD', ends) > max do
    local ids = call('ZRANGEBYSCORE', ends, '-inf', '+inf', 'LIMIT', at, 100)
    local found
    for _, other in ipairs(ids) do
      if is_automatic(other) then
        found = other
        break
      end
    end
    if found then
      call('ZREM', versions, found)
      call('ZREM', ends, found)
      call('HDEL', values, found)
    elseif #ids == 0 then
      return false
    else
      at = at + #ids
    end
  end
  return true
end

-- Lifted at the same time as set: lifted.
local function restore(id, left, age, text, max)
  local set = math.max(now - age, 0)
  local theirs = (call('HGET', values, id) or ''):match('^%d+')
  local slack = text == '' and -SAME_MS or SAME_MS
  if left <= 0 or (theirs and set <= theirs + slack) or
    not make_room(id, max) then
    return 0
  end
  return write(id, left, text, set)
end

local function is_there(id)
  local over = call('ZSCORE', ends, id)
  return over and over + 0 > now and
    not call('HGET', values, id):match('^%d+\t$')
end

local function is_persons(id)
  return ARGV[6] == '1' and is_there(id) and not is_automatic(id)
end

local function is_as_long(id, life)
  local set = (call('HGET', values, id) or ''):match('^%d+')
  return ARGV[7] == '1' and is_there(id) and
    call('ZSCORE', ends, id) - set >= life
end

if verb == 'read' then
  local cursor, newest = ARGV[2] + 0, newest_version()
  local birth = birth_now()
  local is_known = ARGV[4] + 0 == birth
  if cursor == newest and is_known then
    return text_of(newest)
  end
  local forgotten = (call('HGET', values, '') or 0) + 0
  local is_void = cursor == 0 or cursor > newest or cursor < forgotten or
    not is_known
  if is_void then
    cursor = 0
  end
  local found = call('ZRANGEBYSCORE', versions, '(' .. text_of(cursor), '+inf',
    'WITHSCORES', 'LIMIT', 0, ARGV[3])
  local reply = { '', is_void and 1 or 0, 0, text_of(birth),
    math.max(now - math.floor(birth / 1000), 0) }
  for i = 1, #found, 2 do
    local id = found[i]
    cursor = found[i + 1] + 0
    local left = id == 'birth' and 0 or (call('ZSCORE', ends, id) or 0) - now
    local set, text = (call('HGET', values, id) or ''):match('^(%d+)\t(.*)$')
    if text and left > 0 then
      reply[#reply + 1] = id
      reply[#reply + 1] = left
      reply[#reply + 1] = math.max(now - set, 0)
      reply[#reply + 1] = text
    end
  end
  reply[1] = text_of(#found > 0 and cursor or newest)
  reply[3] = #found > 0 and cursor < newest and 1 or 0
  return reply

elseif verb == 'set' then
  forget()
  if birth_now() == 0 then
    begin()
  end
  if is_persons(ARGV[2]) or is_as_long(ARGV[2], ARGV[3] + 0) then
    return 2
  end
  return make_room(ARGV[2], ARGV[5] + 0) and
    write(ARGV[2], ARGV[3] + 0, ARGV[4], now) or 0

elseif verb == 'lift' then
  forget()
  if is_persons(ARGV[2]) then
    return 2
  end
  return is_there(ARGV[2]) and write(ARGV[2], LIFTED_MS, '', now) or 0

elseif verb == 'begin' then
  local birth = birth_now()
  return text_of(birth == ARGV[2] + 0 and begin() or birth)

elseif verb == 'restore' then
  local written = 0
  for i = 3, #ARGV, 4 do
    written = written + restore(
      ARGV[i], ARGV[i + 1] + 0, ARGV[i + 2] + 0, ARGV[i + 3], ARGV[2] + 0)
  end
  return written

elseif verb == 'show' then
  local silent = call('ZRANGEBYSCORE', seen, '-inf', text_of(now))
  for _, daemon in ipairs(silent) do
    call('ZREM', seen, daemon)
    call('HDEL', boards, daemon)
  end
  call('ZADD', seen, text_of(now + ARGV[3]), ARGV[2])
  call('HSET', boards, ARGV[2], ARGV[4])
  live_on(seen, ARGV[3] + 0)
  live_on(boards, ARGV[3] + 0)
  return 1

elseif verb == 'daemons' then
  return call('ZRANGEBYSCORE', seen, '(' .. text_of(now), '+inf',
    'LIMIT', 0, ARGV[2])

elseif verb == 'look' then
  return call('HMGET', boards, unpack(ARGV, 2))

elseif verb == 'keep' then
  local over = call(
    'ZRANGEBYSCORE', lives, '-inf', text_of(now), 'LIMIT', 0, FORGET_MAX)
  for _, record in ipairs(over) do
    call('ZREM', lives, record)
    call('HDEL', records, record)
  end
  if not call('ZSCORE', lives, ARGV[2]) then
    if call('ZCARD', lives) >= ARGV[5] + 0 then
      return 0
    end
    call('ZADD', lives, text_of(now + ARGV[3]), ARGV[2])
  end
  call('HSET', records, ARGV[2], ARGV[4])
  live_on(lives, ARGV[3] + 0)
  live_on(records, ARGV[3] + 0)
  return 1

elseif verb == 'kept' then
  local found = call('ZRANGEBYSCORE', lives, '(' .. ARGV[2], '+inf',
    'LIMIT', ARGV[3], ARGV[4])
  return #found == 0 and found or call('HMGET', records, unpack(found))
end
return redis.error_reply('ERR control.lua knows no ' .. verb)
