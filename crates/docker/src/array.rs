//! A JSON array of objects, read off a body in pieces.

use crate::error::Trouble;

/// Finds the objects of one JSON array in a stream of chunks, each byte looked at once.
///
/// Only the object at a chunk's border is kept, and at most [`MAX_OBJECT`] bytes of it. It finds where objects begin
/// and end; whether they are JSON is their reader's to say.
#[derive(Debug, Default)]
pub(crate) struct ObjectArray {
    place: Place,
    depth: usize,
    in_string: bool,
    escaped: bool,
    partial: Vec<u8>,
}

/// The largest object that is read, in bytes.
pub(crate) const MAX_OBJECT: usize = 16 * 1024 * 1024;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Place {
    /// Before the array.
    #[default]
    Start,
    /// Before the first object, or the array's end.
    First,
    /// Before another object, which must come.
    Next,
    /// Within an object.
    Inside,
    /// After an object.
    After,
    /// After the array.
    End,
}

impl ObjectArray {
    /// Takes the next chunk, and hands each object that it completes to `each`.
    pub(crate) fn feed(
        &mut self,
        chunk: &[u8],
        mut each: impl FnMut(&[u8]) -> Result<(), Trouble>,
    ) -> Result<(), Trouble> {
        let mut rest = chunk;
        while let Some(&byte) = rest.first() {
            if self.place == Place::Inside {
                let (object, after) = self.split(rest)?;
                if let Some(object) = object {
                    if self.partial.is_empty() {
                        each(object)?;
                    } else {
                        self.keep(object)?;
                        each(&std::mem::take(&mut self.partial))?;
                    }
                }
                rest = after;
            } else {
                self.step(byte)?;
                // An object's reader wants its first byte too.
                rest = if self.place == Place::Inside { rest } else { &rest[1..] };
            }
        }
        Ok(())
    }

    /// The body has ended: was the array whole?
    pub(crate) fn finish(&self) -> Result<(), Trouble> {
        match self.place {
            Place::End => Ok(()),
            Place::Start => Err(Trouble::decode("it is empty")),
            _ => Err(Trouble::Cut),
        }
    }

    /// One byte between objects.
    fn step(&mut self, byte: u8) -> Result<(), Trouble> {
        self.place = match (self.place, byte) {
            (place, b' ' | b'\t' | b'\r' | b'\n') => place,
            (Place::Start, b'[') => Place::First,
            (Place::First | Place::Next, b'{') => Place::Inside,
            (Place::First | Place::After, b']') => Place::End,
            (Place::After, b',') => Place::Next,
            (Place::Start, _) => return Err(Trouble::decode("it is no JSON array")),
            (Place::End, _) => return Err(Trouble::decode("something follows the JSON array")),
            _ => return Err(Trouble::decode("an element of the JSON array is no object")),
        };
        Ok(())
    }

    /// Splits `bytes`, which are within an object, at its end. Keeps them if it does not end there.
    fn split<'a>(&mut self, bytes: &'a [u8]) -> Result<(Option<&'a [u8]>, &'a [u8]), Trouble> {
        match self.end_of_object(bytes) {
            Some(end) => {
                self.place = Place::After;
                let (object, rest) = bytes.split_at(end);
                Ok((Some(object), rest))
            }
            None => {
                self.keep(bytes)?;
                Ok((None, &[]))
            }
        }
    }

    fn keep(&mut self, bytes: &[u8]) -> Result<(), Trouble> {
        if self.partial.len() + bytes.len() > MAX_OBJECT {
            return Err(Trouble::decode(format!("an object has more than {MAX_OBJECT} bytes")));
        }
        self.partial.extend_from_slice(bytes);
        Ok(())
    }

    /// The index after the object's closing brace.
    fn end_of_object(&mut self, bytes: &[u8]) -> Option<usize> {
        let mut at = 0;
        while at < bytes.len() {
            if self.in_string {
                at += self.skip_string(&bytes[at..]);
                continue;
            }
            match bytes[at] {
                b'"' => self.in_string = true,
                b'{' | b'[' => self.depth += 1,
                b'}' | b']' => {
                    self.depth = self.depth.saturating_sub(1);
                    if self.depth == 0 {
                        return Some(at + 1);
                    }
                }
                _ => {}
            }
            at += 1;
        }
        None
    }

    /// How many of these bytes, which are within a string, belong to it or to its escapes.
    fn skip_string(&mut self, bytes: &[u8]) -> usize {
        if self.escaped {
            self.escaped = false;
            return 1;
        }
        // Most of a list is within strings.
        match memchr::memchr2(b'"', b'\\', bytes) {
            None => bytes.len(),
            Some(at) => {
                self.escaped = bytes[at] == b'\\';
                self.in_string = self.escaped;
                at + 1
            }
        }
    }
}
