//! Pickles of Python, and programs that no writer writes.

use super::*;

fn error(bytes: &[u8]) -> String {
    unpickle(bytes).expect_err("refused").to_string()
}

/// `pickle.dumps({"a": (1, -2, 70000, 2**40), "b": [None, True, 0.5], "c": OrderedDict(d="e")}, 2)` of Python 3.12.
const PYTHON: &[u8] = b"\x80\x02}q\0(X\x01\0\0\0aq\x01(K\x01J\xfe\xff\xff\xffJp\x11\x01\0\x8a\x06\0\0\0\0\0\x01tq\x02X\x01\0\0\0b\
    q\x03]q\x04(N\x88G?\xe0\0\0\0\0\0\0eX\x01\0\0\0cq\x05ccollections\nOrderedDict\nq\x06)Rq\x07X\x01\0\0\0dq\x08X\x01\0\0\0e\
    q\tsu.";

#[test]
fn a_pickle_of_python_is_read() {
    let pickle = unpickle(PYTHON).unwrap();
    let Some(Value::Tuple(numbers)) = pickle.entry(pickle.root(), "a") else { panic!("a tuple") };
    let numbers: Vec<&Value<'_>> = numbers.iter().map(|&id| pickle.get(id)).collect();
    assert_eq!(numbers, [&Value::Int(1), &Value::Int(-2), &Value::Int(70_000), &Value::Int(1 << 40)]);
    let Some(Value::List(items)) = pickle.entry(pickle.root(), "b") else { panic!("a list") };
    let items: Vec<&Value<'_>> = items.iter().map(|&id| pickle.get(id)).collect();
    assert_eq!(items, [&Value::None, &Value::Bool, &Value::Float]);
    let ordered = pickle.entry(pickle.root(), "c").unwrap();
    assert_eq!(pickle.entry(ordered, "d").and_then(text), Some("e"));
    assert_eq!(pickle.entry(ordered, "f"), None);
}

#[test]
fn calls_are_not_made() {
    // os.system("true")
    let pickle = unpickle(b"\x80\x02cos\nsystem\nX\x04\0\0\0true\x85R.").unwrap();
    assert_eq!(pickle.type_name(pickle.root()), "os.system");
    assert_eq!(error(b"\x80\x02K\x01)R."), "at byte 5: a call of what is no class or function");
}

#[test]
fn damaged_pickles_are_refused() {
    assert_eq!(error(b"\x80\x04."), "at byte 0: protocol 4 of pickle; PyTorch writes 2");
    assert_eq!(error(b"\x80\x02"), "at byte 2: the pickle is truncated");
    assert_eq!(error(b"\x80\x02X\xff\xff\xff\xffab."), "at byte 2: the pickle is truncated");
    assert_eq!(error(b"\x80\x02."), "at byte 2: the stack is empty");
    assert_eq!(error(b"N(\x85."), "at byte 2: the stack is empty");
    assert_eq!(error(b"t."), "at byte 0: there is no mark on the stack");
    assert_eq!(error(b"h\x07."), "at byte 0: value 7 is used before it is made");
    assert_eq!(error(b"}(Nu."), "at byte 3: a key without a value");
    assert_eq!(error(b"NNa."), "at byte 2: items are appended to what is no list");
    assert_eq!(error(b"2."), "at byte 0: instruction 0x32 does not occur in checkpoints of nnU-Net");
}

#[test]
fn a_shared_value_is_stored_once() {
    let mut bytes = b"(NNNNNNNNNNtq\0(".to_vec();
    bytes.extend(b"h\0".repeat(1000));
    bytes.extend(b"t.");
    let pickle = unpickle(&bytes).unwrap();
    assert!(pickle.values.len() < 10, "{} values", pickle.values.len());
    // Each instruction nests the value once more; no reader that recurses survives it.
    let nested = [b"N".as_slice(), &vec![0x85; 100_000], b"."].concat();
    assert_eq!(error(&nested), "at byte 50003: more values than one per two bytes");
}

#[test]
fn integers_of_any_length_are_read() {
    fn integer(bytes: &[u8]) -> Value<'_> {
        unpickle(bytes).unwrap().root().clone()
    }
    assert_eq!(integer(b"\x8a\0."), Value::Int(0));
    assert_eq!(integer(b"\x8a\x01\xff."), Value::Int(-1));
    assert_eq!(integer(b"\x8a\x02\0\x01."), Value::Int(256));
    assert_eq!(integer(b"\x8a\x09\xff\xff\xff\xff\xff\xff\xff\x7f\0."), Value::Int(i64::MAX));
    assert!(matches!(integer(b"\x8a\x09\0\0\0\0\0\0\0\0\x01."), Value::Opaque(_)));
    assert_eq!(integer(b"M\xff\xff."), Value::Int(65_535));
}
