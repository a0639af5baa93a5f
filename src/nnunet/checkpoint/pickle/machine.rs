//! The stack machine.

use std::collections::HashMap;

use crate::nnunet::checkpoint::pickle::error::PickleError;
use crate::nnunet::checkpoint::pickle::value::{Id, Pickle, Value};

/// Latest protocol whose instructions may occur. PyTorch writes 2.
const PROTOCOL: u8 = 2;
/// Function that makes a tensor of a storage.
const REBUILD_TENSOR: &[u8] = b"torch._utils\n_rebuild_tensor_v2";
/// Function that makes a parameter of a tensor.
const REBUILD_PARAMETER: &[u8] = b"torch._utils\n_rebuild_parameter";
const ORDERED_DICT: &[u8] = b"collections\nOrderedDict";

/// Values that every pickle has, so that instructions of one byte make none.
const NONE: Id = Id(0);
const BOOL: Id = Id(1);
const FLOAT: Id = Id(2);
const EMPTY_TUPLE: Id = Id(3);

/// Runs a pickle to its end.
///
/// # Errors
///
/// When it is truncated, needs what is not on the stack, has another instruction than those below, or makes more values than it has
/// room for: one per two bytes.
pub(in crate::nnunet::checkpoint) fn unpickle(bytes: &[u8]) -> Result<Pickle<'_>, PickleError> {
    let mut machine = Machine {
        bytes,
        at: 0,
        values: vec![Value::None, Value::Bool, Value::Float, Value::Tuple(Box::default())],
        stack: Vec::new(),
        marks: Vec::new(),
        memo: HashMap::new(),
    };
    let mut start = 0;
    let fail = |at, reason| PickleError { at, reason };
    loop {
        let opcode = machine.byte().map_err(|reason| fail(start, reason))?;
        if opcode == b'.' {
            let root = machine.pop().map_err(|reason| fail(start, reason))?;
            return Ok(Pickle { values: machine.values, root });
        }
        machine.step(opcode).map_err(|reason| fail(start, reason))?;
        start = machine.at;
    }
}

struct Machine<'a> {
    bytes: &'a [u8],
    /// Position of the next byte.
    at: usize,
    values: Vec<Value<'a>>,
    stack: Vec<Id>,
    /// Heights of the stack at which marks lie.
    marks: Vec<u32>,
    memo: HashMap<u32, Id>,
}

/// The result of an instruction, or why it cannot be executed.
type Step<T = ()> = Result<T, String>;

impl<'a> Machine<'a> {
    fn step(&mut self, opcode: u8) -> Step {
        match opcode {
            // PROTO
            0x80 => match self.byte()? {
                0..=PROTOCOL => (),
                later => return Err(format!("protocol {later} of pickle; PyTorch writes {PROTOCOL}")),
            },
            b'N' => self.stack.push(NONE),
            // NEWTRUE, NEWFALSE
            0x88 | 0x89 => self.stack.push(BOOL),
            b')' => self.stack.push(EMPTY_TUPLE),
            // BINFLOAT: the values of floats are not needed.
            b'G' => {
                self.take(8)?;
                self.stack.push(FLOAT);
            }
            // BININT1, BININT2, BININT, LONG1
            b'K' => self.integer(1, false)?,
            b'M' => self.integer(2, false)?,
            b'J' => self.integer(4, true)?,
            0x8a => {
                let length = self.byte()?;
                self.integer(length.into(), true)?;
            }
            // BINUNICODE
            b'X' => {
                let length = self.index(4)?;
                let bytes = self.take(length as usize)?;
                self.make(Value::Text(bytes))?;
            }
            // GLOBAL
            b'c' => self.global()?,
            b']' => self.make(Value::List(Vec::new()))?,
            b'}' => self.make(Value::Dict(Vec::new()))?,
            b'(' => self.marks.push(self.stack.len() as u32),
            // TUPLE1, TUPLE2, TUPLE3, TUPLE
            0x85..=0x87 => {
                let items = self.pop_many(usize::from(opcode - 0x84))?;
                self.make(Value::Tuple(items.into()))?;
            }
            b't' => {
                let items = self.pop_marked()?;
                self.make(Value::Tuple(items.into()))?;
            }
            // APPEND, APPENDS, SETITEM, SETITEMS
            b'a' => self.pop_many(1).and_then(|items| self.append(&items))?,
            b'e' => self.pop_marked().and_then(|items| self.append(&items))?,
            b's' => self.pop_many(2).and_then(|items| self.set_items(&items))?,
            b'u' => self.pop_marked().and_then(|items| self.set_items(&items))?,
            // BINPUT, LONG_BINPUT, BINGET, LONG_BINGET
            b'q' => self.index(1).and_then(|index| self.memoize(index))?,
            b'r' => self.index(4).and_then(|index| self.memoize(index))?,
            b'h' => self.index(1).and_then(|index| self.recall(index))?,
            b'j' => self.index(4).and_then(|index| self.recall(index))?,
            // BINPERSID
            b'Q' => {
                let id = self.pop()?;
                self.make(Value::Storage(id))?;
            }
            // REDUCE, NEWOBJ
            b'R' | 0x81 => self.call()?,
            // BUILD: attributes of an object, such as `_metadata` of a state dict.
            b'b' => self.pop().and_then(|_| self.top().map(drop))?,
            other => return Err(format!("instruction {other:#04x} does not occur in checkpoints of nnU-Net")),
        }
        Ok(())
    }

    fn take(&mut self, length: usize) -> Step<&'a [u8]> {
        let end = self.at.checked_add(length).filter(|&end| end <= self.bytes.len());
        let end = end.ok_or("the pickle is truncated")?;
        let taken = &self.bytes[self.at..end];
        self.at = end;
        Ok(taken)
    }

    fn byte(&mut self) -> Step<u8> {
        Ok(self.take(1)?[0])
    }

    /// A number from 0, in `length` bytes.
    fn index(&mut self, length: usize) -> Step<u32> {
        Ok(self.take(length)?.iter().rev().fold(0, |number, &byte| number << 8 | u32::from(byte)))
    }

    fn integer(&mut self, length: usize, signed: bool) -> Step {
        let bytes = self.take(length)?;
        let (kept, beyond) = bytes.split_at(length.min(8));
        let fill = if signed && bytes.last().is_some_and(|byte| byte & 0x80 != 0) { 0xff } else { 0 };
        let mut all = [fill; 8];
        all[..kept.len()].copy_from_slice(kept);
        let number = i64::from_le_bytes(all);
        // Nothing in a checkpoint that is used needs more than 64 bits.
        if beyond.iter().any(|&byte| byte != fill) || (signed && (number < 0) != (fill == 0xff)) {
            return self.make(Value::Opaque(NONE));
        }
        self.make(Value::Int(number))
    }

    fn global(&mut self) -> Step {
        let start = self.at;
        for _ in 0..2 {
            let length = self.bytes[self.at..].iter().position(|&byte| byte == b'\n');
            self.at += length.ok_or("the pickle is truncated")? + 1;
        }
        self.make(Value::Global(&self.bytes[start..self.at - 1]))
    }

    fn make(&mut self, value: Value<'a>) -> Step {
        if self.values.len() > EMPTY_TUPLE.0 as usize + 1 + self.bytes.len() / 2 {
            return Err("more values than one per two bytes".to_owned());
        }
        self.stack.push(Id(self.values.len() as u32));
        self.values.push(value);
        Ok(())
    }

    /// Height of the stack below which the current instruction must not take anything.
    fn floor(&self) -> usize {
        self.marks.last().map_or(0, |&mark| mark as usize)
    }

    fn pop(&mut self) -> Step<Id> {
        Ok(self.pop_many(1)?[0])
    }

    fn pop_many(&mut self, count: usize) -> Step<Vec<Id>> {
        let start = self.stack.len().checked_sub(count).filter(|&start| start >= self.floor());
        Ok(self.stack.split_off(start.ok_or("the stack is empty")?))
    }

    fn pop_marked(&mut self) -> Step<Vec<Id>> {
        let mark = self.marks.pop().ok_or("there is no mark on the stack")?;
        Ok(self.stack.split_off(mark as usize))
    }

    fn top(&self) -> Step<Id> {
        let top = self.stack.last().filter(|_| self.stack.len() > self.floor());
        top.copied().ok_or_else(|| "the stack is empty".to_owned())
    }

    fn append(&mut self, items: &[Id]) -> Step {
        let top = self.top()?;
        match &mut self.values[top.0 as usize] {
            Value::List(list) => list.extend(items),
            // Lists of classes that are not read.
            Value::Opaque(_) => (),
            _ => return Err("items are appended to what is no list".to_owned()),
        }
        Ok(())
    }

    fn set_items(&mut self, items: &[Id]) -> Step {
        let (pairs, rest) = items.as_chunks::<2>();
        if !rest.is_empty() {
            return Err("a key without a value".to_owned());
        }
        let top = self.top()?;
        match &mut self.values[top.0 as usize] {
            Value::Dict(dict) => dict.extend(pairs.iter().map(|&[key, value]| (key, value))),
            // Dictionaries of classes that are not read.
            Value::Opaque(_) => (),
            _ => return Err("items are set in what is no dictionary".to_owned()),
        }
        Ok(())
    }

    fn memoize(&mut self, index: u32) -> Step {
        let top = self.top()?;
        self.memo.insert(index, top);
        Ok(())
    }

    fn recall(&mut self, index: u32) -> Step {
        let id = self.memo.get(&index).copied();
        self.stack.push(id.ok_or_else(|| format!("value {index} is used before it is made"))?);
        Ok(())
    }

    /// Instead of a call: the value that it would return, if checkpoints need that.
    fn call(&mut self) -> Step {
        let [callable, arguments] = self.pop_many(2)?[..] else { unreachable!("two values were taken") };
        let Value::Tuple(items) = &self.values[arguments.0 as usize] else {
            return Err("the arguments of a call are no tuple".to_owned());
        };
        match self.values[callable.0 as usize] {
            Value::Global(ORDERED_DICT) if items.is_empty() => self.make(Value::Dict(Vec::new())),
            Value::Global(REBUILD_TENSOR) => self.make(Value::Tensor(arguments)),
            Value::Global(REBUILD_PARAMETER) if !items.is_empty() => {
                self.stack.push(items[0]);
                Ok(())
            }
            Value::Global(_) => self.make(Value::Opaque(callable)),
            _ => Err("a call of what is no class or function".to_owned()),
        }
    }
}
