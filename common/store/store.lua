-- store.lua - one request against the counters in Redis, in one atomic step.
--
-- Everything is read, then decided, then written: all or nothing. On Redis's
-- own clock (TIME). Nothing here depends on earlier calls' N, W or ttl, so a
-- reload keeps what was counted. An error reply means that nothing about the
-- request is known; what was written before it stays (one count too many).
--
-- Call: EVALSHA sha numkeys KEYS... ARGV...
--   KEYS  one key per limit, all distinct, but fixed limits that differ in
--         field may share one. The kind must be part of the key's name: a
--         sliding, a fixed and a lease key are values of different types.
--   ARGV[1]  the mode, "c" charge or "p" peek (nothing is written), then one
--         letter per limit: s sliding, f fixed, l lease; upper case (S F L) is
--         a shadow: it refuses nothing, and is charged only if it would pass
--         and the request passes (fixed counts always).
--   then four arguments per limit, numbers as decimal text:
--     s  N    W in ms (1..366 days)   n units   T in ms = W + W/16 + 1000,
--        rounded up, the key's time to live (W + 2 at least)
--     f  N or 0: never refuses        U in s    n units   field
--     l  N or 0: never refuses        ttl in ms   mine   id, 8 raw bytes
--        mine is the caller's absolute count after this request. N = 0 is
--        how a lease is renewed or given back: many of them in one call.
--
-- Reply, with "used" as it stands after the call:
--   one limit, charged           integer: used
--   several, all charged         array: used of each limit
--   anything refused, or a peek  array: used, retry of each limit (twice as
--                                many elements as limits)
--   retry: 0 this limit passes; > 0 it refuses, and the same amount passes so
--   many ms after this call at the earliest; -1 it never will (n > N). For a
--   lease it is ttl, the latest moment at which a dead holder's place is free.
--   The request has passed, and was charged, if no limit other than shadows
--   has a retry. used of a limit that was not charged is without this
--   request; of a lease then: the others' counts + mine - 1.
--
-- Commands, for an ACL: TIME GET MGET PSETEX HINCRBY HGET PTTL PEXPIREAT DEL.
--
-- Sliding: a dated queue. The value is `total` and up to 17 entries (at,
-- units), oldest first, 6 bytes little-endian each. An entry holds the units
-- admitted in one aligned sub-window of S ms, S = W/16 (1 ms for N <= 16), and
-- `at` is the ms of the LAST of them. total is their sum.
--  Never more than N in any W: a unit admitted at ms a is in an entry with
--   at >= a and leaves total only when now - at > W, so when now - a > W. So
--   total holds all that was admitted in the closed window [now - W, now], and
--   total + n <= N is asked of it. Strictly greater: ms are rounded down.
--  The margin: at - a < S, so a unit is forgotten at most W + S + 1 ms after it.
--   Who never has more than N in any W + W/16 + 1 ms is never refused.
--  The retry: total shrinks only as entries leave, oldest first, each at its
--   at + W + 1; the first whose leaving makes room for n gives the moment.
--  A clock that steps back: entries dated in the future would stay too long, so
--   all becomes one entry dated now. Moving `at` from the future to now breaks
--   nothing above, for now is later in true time than any admission.

--
-- Fixed: a hash, one counter per field, all of one life: it ends with the
-- second in which U whole seconds have passed since the second of the first
-- event. A life longer than that was given by a clock that stepped back.
--
-- Lease: (expiry 6 bytes, id 8, count 4) of each daemon. Whoever is silent
-- until its expiry is gone; `mine` is absolute, so a lost reply or a repeated
-- call heals by itself.

local call = redis.call
local pack, unpack_struct, sub = struct.pack, struct.unpack, string.sub

-- Returns total without this request; retry; the value to write if it is
-- charged; the value to write even if it is not (the clock stepped back).
local function slide(value, now, limit, window, amount)
  local total, first, size, at, units = 0, 7, 6
  local healed
  if value then
    size = #value
    total, at, units = unpack_struct('<I6I6I6', value)
    while now - at > window do
      total = total - units
      first = first + 12
      if first > size then
        break
      end
      at, units = unpack_struct('<I6I6', value, first)
    end
  end
  local newest, held = at, units
  if first < size then
    if size - first > 12 then
      newest, held = unpack_struct('<I6I6', value, size - 11)
    end
    if newest > now then
      newest, held, at, units, first, size = now, total, now, total, 7, 18
      healed = pack('<I6I6I6', total, now, total)
      value = healed
    end
  end
  if total + amount <= limit then
    if first < size then
      local part = limit > 16 and window / 16 or 1
      if newest >= now - now % part then
        size = size - 12
      else
        held = 0
      end
      if first < size then
        return total, 0, pack('<I6', total + amount) .. sub(value, first, size)
          .. pack('<I6I6', now, held + amount), healed
      end
      return total, 0, pack('<I6I6I6', total + amount, now, held + amount), healed
    end
    return total, 0, pack('<I6I6I6', amount, now, amount)
  end
  if amount > limit then
    return total, -1, nil, healed
  end
  local over = total + amount - limit - units
  while over > 0 do
    first = first + 12
    at, units = unpack_struct('<I6I6', value, first)
    over = over - units
  end
  return total, at + window + 1 - now, nil, healed
end

local function clock()
  local time = call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

-- The usual call by itself: an integer is the cheapest reply there is.
if ARGV[1] == 'cs' then
  local total, retry, value, healed = slide(call('GET', KEYS[1]), clock(),
    ARGV[2] + 0, ARGV[3] + 0, ARGV[4] + 0)
  if value or healed then
    call('PSETEX', KEYS[1], ARGV[5], value or healed)
  end
  return value and total + ARGV[4] or {total, retry}
end

local is_peek = sub(ARGV[1], 1, 1) == 'p'

-- Returns the count, which a charge raises whatever becomes of the request,
-- and retry.
local function count_fixed(key, limit, seconds, amount, field)
  local count, after
  if is_peek then
    count = (call('HGET', key, field) or 0) + 0
    after = count + amount
  else
    count = call('HINCRBY', key, field, amount)
    after = count
  end
  local ttl = call('PTTL', key)
  if not is_peek and (ttl < 0 or ttl > seconds * 1000 + 1000) then
    local now = clock()
    local last = now - now % 1000 + seconds * 1000 + 999
    call('PEXPIREAT', key, last)
    ttl = last - now
  end
  if limit == 0 or after <= limit then
    return count, 0
  end
  return count, amount > limit and -1 or ttl + 1
end

-- The usual call of a counter that only reports, likewise.
if ARGV[1] == 'cf' then
  local count, retry =
    count_fixed(KEYS[1], ARGV[2] + 0, ARGV[3] + 0, ARGV[4] + 0, ARGV[5])
  return retry == 0 and count or {count, retry}
end

-- Returns what the others hold; retry; the value to write and its ttl.
local function lease(value, now, limit, ttl, mine, id)
  local others, kept, life = 0, '', 0
  for at = 1, value and #value or 0, 18 do
    local expiry, holder, count = unpack_struct('<I6c8I4', value, at)
    if expiry > now and holder ~= id then
      others = others + count
      kept = kept .. sub(value, at, at + 17)
      life = math.max(life, expiry - now)
    end
  end
  if limit > 0 and others + mine > limit then
    return others, ttl
  end
  if mine > 0 then
    kept = kept .. pack('<I6c8I4', now + ttl, id, mine)
    life = math.max(life, ttl)
  end
  return others, 0, kept, life
end

local now = clock()
local values = call('MGET', unpack(KEYS))
-- used, retry of each limit without this request; used with it
local report, after, healed = {}, {}, {}
local passes, is_clean = true, not is_peek

for i = 1, #KEYS do
  local kind, arg = sub(ARGV[1], i + 1, i + 1), 4 * i - 2
  local limit, span, amount = ARGV[arg] + 0, ARGV[arg + 1] + 0, ARGV[arg + 2] + 0
  local used, retry, value, other
  if kind == 's' or kind == 'S' then
    used, retry, value, other = slide(values[i], now, limit, span, amount)
    after[i] = used + amount
    if other then
      healed[i] = other
    end
  elseif kind == 'f' or kind == 'F' then
    used, retry = count_fixed(KEYS[i], limit, span, amount, ARGV[arg + 3])
    after[i] = used
  else
    used, retry, value, other =
      lease(values[i], now, limit, span, amount, ARGV[arg + 3])
    after[i] = used + amount
    used = after[i] - 1
    ARGV[arg + 3] = other
  end
  report[2 * i - 1], report[2 * i] = used, retry
  values[i] = value
  if retry ~= 0 then
    is_clean = false
    passes = passes and kind < 'a'
  end
end

if not is_peek then
  for i = 1, #KEYS do
    local value = passes and values[i] or healed[i]
    if value == '' then
      call('DEL', KEYS[i])
    elseif value then
      call('PSETEX', KEYS[i], ARGV[4 * i + 1], value)
    end
    if passes and values[i] then
      report[2 * i - 1] = after[i]
    end
  end
end
return is_clean and (after[2] and after or after[1]) or report
