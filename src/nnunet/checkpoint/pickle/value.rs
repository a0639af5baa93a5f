//! The values of a pickle.

/// Index of a value: values that are used repeatedly, which checkpoints have many of, are stored once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::nnunet::checkpoint) struct Id(pub(super) u32);

/// One value. Texts are parts of the pickle.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::nnunet::checkpoint) enum Value<'a> {
    None,
    Bool,
    Int(i64),
    Float,
    Text(&'a [u8]),
    Tuple(Box<[Id]>),
    List(Vec<Id>),
    /// Keys and values in the order in which they were set.
    Dict(Vec<(Id, Id)>),
    /// Module and name of a class or function, with a line feed between them.
    Global(&'a [u8]),
    /// A persistent identifier, which stands for a storage.
    Storage(Id),
    /// The arguments of `_rebuild_tensor_v2`.
    Tensor(Id),
    /// The result of any other call, which is not made: the class or function that would be called.
    Opaque(Id),
}

/// A pickle after its last instruction.
#[derive(Debug)]
pub(in crate::nnunet::checkpoint) struct Pickle<'a> {
    pub(super) values: Vec<Value<'a>>,
    pub(super) root: Id,
}

impl<'a> Pickle<'a> {
    pub(in crate::nnunet::checkpoint) fn root(&self) -> &Value<'a> {
        self.get(self.root)
    }

    pub(in crate::nnunet::checkpoint) fn get(&self, id: Id) -> &Value<'a> {
        &self.values[id.0 as usize]
    }

    /// The value of a key, the last one if the key was set repeatedly. `None` if `dict` is no dictionary or lacks the key.
    pub(in crate::nnunet::checkpoint) fn entry(&self, dict: &Value<'a>, key: &str) -> Option<&Value<'a>> {
        let Value::Dict(entries) = dict else { return None };
        let found = entries.iter().rev().find(|(known, _)| *self.get(*known) == Value::Text(key.as_bytes()));
        found.map(|(_, value)| self.get(*value))
    }

    /// The items of a tuple.
    pub(in crate::nnunet::checkpoint) fn tuple(&self, id: Id) -> Option<&[Id]> {
        match self.get(id) {
            Value::Tuple(items) => Some(items),
            _ => None,
        }
    }

    pub(in crate::nnunet::checkpoint) fn text(&self, id: Id) -> Option<&'a str> {
        text(self.get(id))
    }

    /// An integer from 0.
    pub(in crate::nnunet::checkpoint) fn size(&self, id: Id) -> Option<usize> {
        match self.get(id) {
            Value::Int(number) => usize::try_from(*number).ok(),
            _ => None,
        }
    }

    /// A tuple or list of at most `longest` integers from 0.
    pub(in crate::nnunet::checkpoint) fn sizes(&self, value: &Value<'a>, longest: usize) -> Option<Vec<usize>> {
        let items = match value {
            Value::Tuple(items) => &items[..],
            Value::List(items) => &items[..],
            _ => return None,
        };
        if items.len() > longest {
            return None;
        }
        items.iter().map(|&item| self.size(item)).collect()
    }

    /// The name of a value's Python type, for messages.
    pub(in crate::nnunet::checkpoint) fn type_name(&self, value: &Value<'a>) -> String {
        match value {
            Value::Global(path) => String::from_utf8_lossy(path).replace('\n', "."),
            Value::Opaque(callable) => match self.get(*callable) {
                Value::Global(path) => String::from_utf8_lossy(path).replace('\n', "."),
                _ => "object".to_owned(),
            },
            Value::None => "None".to_owned(),
            Value::Bool => "bool".to_owned(),
            Value::Int(_) => "int".to_owned(),
            Value::Float => "float".to_owned(),
            Value::Text(_) => "str".to_owned(),
            Value::Tuple(_) => "tuple".to_owned(),
            Value::List(_) => "list".to_owned(),
            Value::Dict(_) => "dict".to_owned(),
            Value::Storage(_) => "storage".to_owned(),
            Value::Tensor(_) => "torch.Tensor".to_owned(),
        }
    }
}

/// The text of a value; `None` if it is something else, or not UTF-8.
pub(in crate::nnunet::checkpoint) fn text<'a>(value: &Value<'a>) -> Option<&'a str> {
    match value {
        Value::Text(bytes) => std::str::from_utf8(bytes).ok(),
        _ => None,
    }
}
