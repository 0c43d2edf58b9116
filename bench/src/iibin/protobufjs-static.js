// Written by pbjs of protobufjs-cli 2.7.1:
// npx --package=protobufjs-cli@2.7.1 --package=protobufjs@8.8.1 pbjs -t static-module -w esm --keep-case \
//   --no-create --no-verify --no-convert --no-delimited --no-typeurl --no-comments messages.proto
// biome-ignore-all lint: generated
// biome-ignore-all format: generated
// biome-ignore-all assist: generated
/*eslint-disable block-scoped-var, id-length, no-control-regex, no-magic-numbers, no-mixed-operators, no-prototype-builtins, no-redeclare, no-shadow, no-var, sort-vars, default-case, jsdoc/require-param*/
import $protobuf from "protobufjs/minimal.js";

const $Reader = $protobuf.Reader, $Writer = $protobuf.Writer, $util = $protobuf.util;
const $Object = $util.global.Object, $undefined = $util.global.undefined, $Error = $util.global.Error, $RangeError = $util.global.RangeError;

const $root = $protobuf.roots["default"] || ($protobuf.roots["default"] = {});

export const Level = $root.Level = (() => {
    const valuesById = $Object.create(null), values = $Object.create(valuesById);
    values[valuesById[0] = "LOW"] = 0;
    values[valuesById[1] = "MEDIUM"] = 1;
    values[valuesById[2] = "HIGH"] = 2;
    return values;
})();

export const Small = $root.Small = (() => {

    const Small = function (properties) {
        if (properties)
            for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                if (properties[keys[i]] != null && keys[i] !== "__proto__")
                    this[keys[i]] = properties[keys[i]];
    };

    Small.prototype.id = 0;
    Small.prototype.ts = $util.Long ? $util.Long.fromBits(0,0,false) : 0;
    Small.prototype.value = 0;
    Small.prototype.name = "";
    Small.prototype.ok = false;

    Small.encode = function (message, writer, _depth) {
        if (!writer)
            writer = $Writer.create();
        if (_depth === $undefined)
            _depth = 0;
        if (_depth > $util.recursionLimit)
            throw $Error("max depth exceeded");
        if (message.id != null && $Object.hasOwnProperty.call(message, "id") && message.id !== 0)
            writer.uint32(8).uint32(message.id);
        if (message.ts != null && $Object.hasOwnProperty.call(message, "ts") && (typeof message.ts === "object" ? message.ts.low || message.ts.high : message.ts !== 0))
            writer.uint32(16).int64(message.ts);
        if (message.value != null && $Object.hasOwnProperty.call(message, "value") && !$Object.is(message.value, 0))
            writer.uint32(25).double(message.value);
        if (message.name != null && $Object.hasOwnProperty.call(message, "name") && message.name !== "")
            writer.uint32(34).string(message.name);
        if (message.ok != null && $Object.hasOwnProperty.call(message, "ok") && message.ok !== false)
            writer.uint32(40).bool(message.ok);
        if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
            for (let i = 0; i < message.$unknowns.length; ++i)
                writer.raw(message.$unknowns[i]);
        return writer;
    };

    Small.decode = function (reader, length, _end, _depth, _target) {
        if (!(reader instanceof $Reader))
            reader = $Reader.create(reader);
        if (_depth === $undefined)
            _depth = 0;
        if (_depth > $Reader.recursionLimit)
            throw $Error("max depth exceeded");
        let end, message, value;
        if (length === $undefined)
            end = reader.len;
        else {
            end = reader.pos + length;
            if (end > reader.len)
                throw $RangeError("index out of range");
            length = reader.len;
            reader.len = end;
        }
        message = _target || new $root.Small();
        while (reader.pos < end) {
            let start = reader.pos;
            let tag = reader.tag();
            if (tag === _end) {
                _end = $undefined;
                break;
            }
            let wireType = tag & 7;
            switch (tag >>>= 3) {
            case 1: {
                    if (wireType !== 0)
                        break;
                    if (value = reader.uint32())
                        message.id = value;
                    else
                        delete message.id;
                    continue;
                }
            case 2: {
                    if (wireType !== 0)
                        break;
                    if (typeof (value = reader.int64()) === "object" ? value.low || value.high : value !== 0)
                        message.ts = value;
                    else
                        delete message.ts;
                    continue;
                }
            case 3: {
                    if (wireType !== 1)
                        break;
                    if (!$Object.is(value = reader.double(), 0))
                        message.value = value;
                    else
                        delete message.value;
                    continue;
                }
            case 4: {
                    if (wireType !== 2)
                        break;
                    if ((value = reader.stringVerify()).length)
                        message.name = value;
                    else
                        delete message.name;
                    continue;
                }
            case 5: {
                    if (wireType !== 0)
                        break;
                    if (value = reader.bool())
                        message.ok = value;
                    else
                        delete message.ok;
                    continue;
                }
            }
            reader.skipType(wireType, _depth, tag);
            if (!reader.discardUnknown) {
                $util.makeProp(message, "$unknowns", false);
                (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
            }
        }
        if (length !== $undefined) {
            if (reader.pos !== end)
                throw $RangeError("index out of range");
            reader.len = length;
        }
        if (_end !== $undefined)
            throw $Error("missing end group");
        return message;
    };

    return Small;
})();

export const Geo = $root.Geo = (() => {

    const Geo = function (properties) {
        if (properties)
            for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                if (properties[keys[i]] != null && keys[i] !== "__proto__")
                    this[keys[i]] = properties[keys[i]];
    };

    Geo.prototype.lat = 0;
    Geo.prototype.lon = 0;

    Geo.encode = function (message, writer, _depth) {
        if (!writer)
            writer = $Writer.create();
        if (_depth === $undefined)
            _depth = 0;
        if (_depth > $util.recursionLimit)
            throw $Error("max depth exceeded");
        if (message.lat != null && $Object.hasOwnProperty.call(message, "lat") && !$Object.is(message.lat, 0))
            writer.uint32(9).double(message.lat);
        if (message.lon != null && $Object.hasOwnProperty.call(message, "lon") && !$Object.is(message.lon, 0))
            writer.uint32(17).double(message.lon);
        if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
            for (let i = 0; i < message.$unknowns.length; ++i)
                writer.raw(message.$unknowns[i]);
        return writer;
    };

    Geo.decode = function (reader, length, _end, _depth, _target) {
        if (!(reader instanceof $Reader))
            reader = $Reader.create(reader);
        if (_depth === $undefined)
            _depth = 0;
        if (_depth > $Reader.recursionLimit)
            throw $Error("max depth exceeded");
        let end, message, value;
        if (length === $undefined)
            end = reader.len;
        else {
            end = reader.pos + length;
            if (end > reader.len)
                throw $RangeError("index out of range");
            length = reader.len;
            reader.len = end;
        }
        message = _target || new $root.Geo();
        while (reader.pos < end) {
            let start = reader.pos;
            let tag = reader.tag();
            if (tag === _end) {
                _end = $undefined;
                break;
            }
            let wireType = tag & 7;
            switch (tag >>>= 3) {
            case 1: {
                    if (wireType !== 1)
                        break;
                    if (!$Object.is(value = reader.double(), 0))
                        message.lat = value;
                    else
                        delete message.lat;
                    continue;
                }
            case 2: {
                    if (wireType !== 1)
                        break;
                    if (!$Object.is(value = reader.double(), 0))
                        message.lon = value;
                    else
                        delete message.lon;
                    continue;
                }
            }
            reader.skipType(wireType, _depth, tag);
            if (!reader.discardUnknown) {
                $util.makeProp(message, "$unknowns", false);
                (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
            }
        }
        if (length !== $undefined) {
            if (reader.pos !== end)
                throw $RangeError("index out of range");
            reader.len = length;
        }
        if (_end !== $undefined)
            throw $Error("missing end group");
        return message;
    };

    return Geo;
})();

export const Medium = $root.Medium = (() => {

    const Medium = function (properties) {
        this.scores = [];
        this.tags = [];
        this.attrs = {};
        if (properties)
            for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                if (properties[keys[i]] != null && keys[i] !== "__proto__")
                    this[keys[i]] = properties[keys[i]];
    };

    Medium.prototype.uuid = "";
    Medium.prototype.created = $util.Long ? $util.Long.fromBits(0,0,false) : 0;
    Medium.prototype.updated = $util.Long ? $util.Long.fromBits(0,0,false) : 0;
    Medium.prototype.name = "";
    Medium.prototype.email = "";
    Medium.prototype.level = 0;
    Medium.prototype.active = false;
    Medium.prototype.visits = 0;
    Medium.prototype.balance = 0;
    Medium.prototype.score = 0;
    Medium.prototype.ratio = 0;
    Medium.prototype.home = null;
    Medium.prototype.scores = $util.emptyArray;
    Medium.prototype.tags = $util.emptyArray;
    Medium.prototype.attrs = $util.emptyObject;
    Medium.prototype.avatar = $util.newBuffer([]);
    Medium.prototype.color = 0;
    Medium.prototype.offset = $util.Long ? $util.Long.fromBits(0,0,false) : 0;
    Medium.prototype.total = $util.Long ? $util.Long.fromBits(0,0,true) : 0;
    Medium.prototype.note = "";

    Medium.encode = function (message, writer, _depth) {
        if (!writer)
            writer = $Writer.create();
        if (_depth === $undefined)
            _depth = 0;
        if (_depth > $util.recursionLimit)
            throw $Error("max depth exceeded");
        if (message.uuid != null && $Object.hasOwnProperty.call(message, "uuid") && message.uuid !== "")
            writer.uint32(10).string(message.uuid);
        if (message.created != null && $Object.hasOwnProperty.call(message, "created") && (typeof message.created === "object" ? message.created.low || message.created.high : message.created !== 0))
            writer.uint32(16).int64(message.created);
        if (message.updated != null && $Object.hasOwnProperty.call(message, "updated") && (typeof message.updated === "object" ? message.updated.low || message.updated.high : message.updated !== 0))
            writer.uint32(24).int64(message.updated);
        if (message.name != null && $Object.hasOwnProperty.call(message, "name") && message.name !== "")
            writer.uint32(34).string(message.name);
        if (message.email != null && $Object.hasOwnProperty.call(message, "email") && message.email !== "")
            writer.uint32(42).string(message.email);
        if (message.level != null && $Object.hasOwnProperty.call(message, "level") && message.level !== 0)
            writer.uint32(48).int32(message.level);
        if (message.active != null && $Object.hasOwnProperty.call(message, "active") && message.active !== false)
            writer.uint32(56).bool(message.active);
        if (message.visits != null && $Object.hasOwnProperty.call(message, "visits") && message.visits !== 0)
            writer.uint32(64).uint32(message.visits);
        if (message.balance != null && $Object.hasOwnProperty.call(message, "balance") && message.balance !== 0)
            writer.uint32(72).sint32(message.balance);
        if (message.score != null && $Object.hasOwnProperty.call(message, "score") && !$Object.is(message.score, 0))
            writer.uint32(81).double(message.score);
        if (message.ratio != null && $Object.hasOwnProperty.call(message, "ratio") && !$Object.is(message.ratio, 0))
            writer.uint32(93).float(message.ratio);
        if (message.home != null && $Object.hasOwnProperty.call(message, "home"))
            $root.Geo.encode(message.home, writer.uint32(98).fork(), _depth + 1).ldelim();
        if (message.scores != null && message.scores.length)
            writer.uint32(106).int32s(message.scores);
        if (message.tags != null && message.tags.length)
            for (let i = 0; i < message.tags.length; ++i)
                writer.uint32(114).string(message.tags[i]);
        if (message.attrs != null && $Object.hasOwnProperty.call(message, "attrs"))
            for (let keys = $Object.keys(message.attrs), i = 0; i < keys.length; ++i)
                writer.uint32(122).fork().uint32(10).string(keys[i]).uint32(18).string(message.attrs[keys[i]]).ldelim();
        if (message.avatar != null && $Object.hasOwnProperty.call(message, "avatar") && message.avatar.length)
            writer.uint32(130).bytes(message.avatar);
        if (message.color != null && $Object.hasOwnProperty.call(message, "color") && message.color !== 0)
            writer.uint32(141).fixed32(message.color);
        if (message.offset != null && $Object.hasOwnProperty.call(message, "offset") && (typeof message.offset === "object" ? message.offset.low || message.offset.high : message.offset !== 0))
            writer.uint32(144).sint64(message.offset);
        if (message.total != null && $Object.hasOwnProperty.call(message, "total") && (typeof message.total === "object" ? message.total.low || message.total.high : message.total !== 0))
            writer.uint32(152).uint64(message.total);
        if (message.note != null && $Object.hasOwnProperty.call(message, "note") && message.note !== "")
            writer.uint32(162).string(message.note);
        if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
            for (let i = 0; i < message.$unknowns.length; ++i)
                writer.raw(message.$unknowns[i]);
        return writer;
    };

    Medium.decode = function (reader, length, _end, _depth, _target) {
        if (!(reader instanceof $Reader))
            reader = $Reader.create(reader);
        if (_depth === $undefined)
            _depth = 0;
        if (_depth > $Reader.recursionLimit)
            throw $Error("max depth exceeded");
        let end, message, key, value;
        if (length === $undefined)
            end = reader.len;
        else {
            end = reader.pos + length;
            if (end > reader.len)
                throw $RangeError("index out of range");
            length = reader.len;
            reader.len = end;
        }
        message = _target || new $root.Medium();
        while (reader.pos < end) {
            let start = reader.pos;
            let tag = reader.tag();
            if (tag === _end) {
                _end = $undefined;
                break;
            }
            let wireType = tag & 7;
            switch (tag >>>= 3) {
            case 1: {
                    if (wireType !== 2)
                        break;
                    if ((value = reader.stringVerify()).length)
                        message.uuid = value;
                    else
                        delete message.uuid;
                    continue;
                }
            case 2: {
                    if (wireType !== 0)
                        break;
                    if (typeof (value = reader.int64()) === "object" ? value.low || value.high : value !== 0)
                        message.created = value;
                    else
                        delete message.created;
                    continue;
                }
            case 3: {
                    if (wireType !== 0)
                        break;
                    if (typeof (value = reader.int64()) === "object" ? value.low || value.high : value !== 0)
                        message.updated = value;
                    else
                        delete message.updated;
                    continue;
                }
            case 4: {
                    if (wireType !== 2)
                        break;
                    if ((value = reader.stringVerify()).length)
                        message.name = value;
                    else
                        delete message.name;
                    continue;
                }
            case 5: {
                    if (wireType !== 2)
                        break;
                    if ((value = reader.stringVerify()).length)
                        message.email = value;
                    else
                        delete message.email;
                    continue;
                }
            case 6: {
                    if (wireType !== 0)
                        break;
                    if (value = reader.int32())
                        message.level = value;
                    else
                        delete message.level;
                    continue;
                }
            case 7: {
                    if (wireType !== 0)
                        break;
                    if (value = reader.bool())
                        message.active = value;
                    else
                        delete message.active;
                    continue;
                }
            case 8: {
                    if (wireType !== 0)
                        break;
                    if (value = reader.uint32())
                        message.visits = value;
                    else
                        delete message.visits;
                    continue;
                }
            case 9: {
                    if (wireType !== 0)
                        break;
                    if (value = reader.sint32())
                        message.balance = value;
                    else
                        delete message.balance;
                    continue;
                }
            case 10: {
                    if (wireType !== 1)
                        break;
                    if (!$Object.is(value = reader.double(), 0))
                        message.score = value;
                    else
                        delete message.score;
                    continue;
                }
            case 11: {
                    if (wireType !== 5)
                        break;
                    if (!$Object.is(value = reader.float(), 0))
                        message.ratio = value;
                    else
                        delete message.ratio;
                    continue;
                }
            case 12: {
                    if (wireType !== 2)
                        break;
                    message.home = $root.Geo.decode(reader, reader.size(), $undefined, _depth + 1, message.home);
                    continue;
                }
            case 13: {
                    if (wireType === 2) {
                        if (!(message.scores && message.scores.length))
                            message.scores = [];
                        reader.int32s(message.scores);
                        continue;
                    }
                    if (wireType !== 0)
                        break;
                    if (!(message.scores && message.scores.length))
                        message.scores = [];
                    message.scores.push(reader.int32());
                    continue;
                }
            case 14: {
                    if (wireType !== 2)
                        break;
                    if (!(message.tags && message.tags.length))
                        message.tags = [];
                    message.tags.push(reader.stringVerify());
                    continue;
                }
            case 15: {
                    if (wireType !== 2)
                        break;
                    if (message.attrs === $util.emptyObject)
                        message.attrs = {};
                    let end2 = reader.size() + reader.pos;
                    if (end2 > reader.len)
                        throw $RangeError("index out of range");
                    reader.len = end2;
                    key = "";
                    value = "";
                    while (reader.pos < end2) {
                        let tag2 = reader.tag();
                        wireType = tag2 & 7;
                        switch (tag2 >>>= 3) {
                        case 1:
                            if (wireType !== 2)
                                break;
                            key = reader.stringVerify();
                            continue;
                        case 2:
                            if (wireType !== 2)
                                break;
                            value = reader.stringVerify();
                            continue;
                        }
                        reader.skipType(wireType, _depth, tag2);
                    }
                    if (reader.pos !== end2)
                        throw $RangeError("index out of range");
                    reader.len = end;
                    if (key === "__proto__")
                        $util.makeProp(message.attrs, key);
                    message.attrs[key] = value;
                    continue;
                }
            case 16: {
                    if (wireType !== 2)
                        break;
                    if ((value = reader.bytes()).length)
                        message.avatar = value;
                    else
                        delete message.avatar;
                    continue;
                }
            case 17: {
                    if (wireType !== 5)
                        break;
                    if (value = reader.fixed32())
                        message.color = value;
                    else
                        delete message.color;
                    continue;
                }
            case 18: {
                    if (wireType !== 0)
                        break;
                    if (typeof (value = reader.sint64()) === "object" ? value.low || value.high : value !== 0)
                        message.offset = value;
                    else
                        delete message.offset;
                    continue;
                }
            case 19: {
                    if (wireType !== 0)
                        break;
                    if (typeof (value = reader.uint64()) === "object" ? value.low || value.high : value !== 0)
                        message.total = value;
                    else
                        delete message.total;
                    continue;
                }
            case 20: {
                    if (wireType !== 2)
                        break;
                    if ((value = reader.stringVerify()).length)
                        message.note = value;
                    else
                        delete message.note;
                    continue;
                }
            }
            reader.skipType(wireType, _depth, tag);
            if (!reader.discardUnknown) {
                $util.makeProp(message, "$unknowns", false);
                (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
            }
        }
        if (length !== $undefined) {
            if (reader.pos !== end)
                throw $RangeError("index out of range");
            reader.len = length;
        }
        if (_end !== $undefined)
            throw $Error("missing end group");
        return message;
    };

    return Medium;
})();

export const Large = $root.Large = (() => {

    const Large = function (properties) {
        this.rows = [];
        if (properties)
            for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                if (properties[keys[i]] != null && keys[i] !== "__proto__")
                    this[keys[i]] = properties[keys[i]];
    };

    Large.prototype.rows = $util.emptyArray;

    Large.encode = function (message, writer, _depth) {
        if (!writer)
            writer = $Writer.create();
        if (_depth === $undefined)
            _depth = 0;
        if (_depth > $util.recursionLimit)
            throw $Error("max depth exceeded");
        if (message.rows != null && message.rows.length)
            for (let i = 0; i < message.rows.length; ++i)
                $root.Small.encode(message.rows[i], writer.uint32(10).fork(), _depth + 1).ldelim();
        if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
            for (let i = 0; i < message.$unknowns.length; ++i)
                writer.raw(message.$unknowns[i]);
        return writer;
    };

    Large.decode = function (reader, length, _end, _depth, _target) {
        if (!(reader instanceof $Reader))
            reader = $Reader.create(reader);
        if (_depth === $undefined)
            _depth = 0;
        if (_depth > $Reader.recursionLimit)
            throw $Error("max depth exceeded");
        let end, message;
        if (length === $undefined)
            end = reader.len;
        else {
            end = reader.pos + length;
            if (end > reader.len)
                throw $RangeError("index out of range");
            length = reader.len;
            reader.len = end;
        }
        message = _target || new $root.Large();
        while (reader.pos < end) {
            let start = reader.pos;
            let tag = reader.tag();
            if (tag === _end) {
                _end = $undefined;
                break;
            }
            let wireType = tag & 7;
            switch (tag >>>= 3) {
            case 1: {
                    if (wireType !== 2)
                        break;
                    if (!(message.rows && message.rows.length))
                        message.rows = [];
                    message.rows.push($root.Small.decode(reader, reader.size(), $undefined, _depth + 1));
                    continue;
                }
            }
            reader.skipType(wireType, _depth, tag);
            if (!reader.discardUnknown) {
                $util.makeProp(message, "$unknowns", false);
                (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
            }
        }
        if (length !== $undefined) {
            if (reader.pos !== end)
                throw $RangeError("index out of range");
            reader.len = length;
        }
        if (_end !== $undefined)
            throw $Error("missing end group");
        return message;
    };

    return Large;
})();

export {
  $root as default
};
